"""The demo patient: every part painted in order, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable

from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent, track
from medvox.simulation.phantom.abdomen import paint_abdomen
from medvox.simulation.phantom.body import paint_body
from medvox.simulation.phantom.brain import paint_brain
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.chest import paint_chest
from medvox.simulation.phantom.head import paint_head
from medvox.simulation.phantom.lesions import paint_lesions
from medvox.simulation.phantom.skeleton import paint_skeleton
from medvox.simulation.phantom.vessels import paint_vessels

STEPS: tuple[Callable[[Canvas], None], ...] = (
    paint_body,
    paint_skeleton,
    paint_head,
    paint_brain,
    paint_chest,
    paint_abdomen,
    paint_vessels,
    paint_lesions,
)


def paint_patient(grid: Grid, seed: int = 1, progress: Progress = silent) -> Canvas:
    """Paint the patient on any even grid."""
    canvas = Canvas(grid, seed)
    for step in track(STEPS, progress, "Painting the patient"):
        step(canvas)
    return canvas
