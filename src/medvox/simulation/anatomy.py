"""The demo patient: every part painted in order, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable

from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent, track
from medvox.simulation.abdomen import paint_abdomen
from medvox.simulation.body import paint_body
from medvox.simulation.brain import paint_brain
from medvox.simulation.canvas import Canvas
from medvox.simulation.chest import paint_chest
from medvox.simulation.head import paint_head
from medvox.simulation.lesions import paint_lesions
from medvox.simulation.skeleton import paint_skeleton
from medvox.simulation.vessels import paint_vessels

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
