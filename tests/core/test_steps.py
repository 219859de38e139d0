"""Steps: options read from a signature, checked, and said again as command and Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest

from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress
from medvox.core.steps import Setting, Step, family, find, step
from medvox.core.volume import Volume

VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), Grid((2, 3, 4), np.eye(4)))


def above(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    lower: Annotated[float, Setting(unit="HU", minimum=-1024, maximum=3000)],
    side: Literal["over", "under"] = "over",
    seeds_mm: tuple[tuple[float, float, float], ...] = (),
    radius: tuple[int, int, int] = (1, 1, 1),
    fill: bool = False,
    progress: Progress | None = None,
) -> LabelMap:
    """Mark voxels above a value.

    Parameters
    ----------
    volume
        Image.
    lower
        Smallest value
        of the segment.

    Returns
    -------
    LabelMap
        One segment.
    """
    if progress:
        progress(1, 1, "marking")
    data = np.asarray(volume.data) > lower if side == "over" else np.asarray(volume.data) < lower
    return LabelMap(data[None].astype(np.uint8), volume.grid, (Segment(1, "above"),))


@dataclass(frozen=True)
class Two:
    corrected: Volume
    factor: float


def two(volume: Volume) -> Two:
    """Return two things."""
    return Two(volume, 2.0)


ABOVE = Step.of("above", "test", above)


def test_a_step_is_described_by_its_function():
    assert [(i.name, i.kind, i.optional) for i in ABOVE.inputs] == [
        ("volume", Volume, False),
        ("mask", LabelMap, True),
    ]
    lower = ABOVE.options[0]
    assert (lower.kind, lower.setting.unit, lower.summary) == (float, "HU", "Smallest value of the segment.")
    assert ABOVE.summary == "Mark voxels above a value."
    assert ABOVE.as_json()["options"][1]["choices"] == ["over", "under"]
    assert ABOVE.as_json()["results"] == [{"name": "result", "kind": "LabelMap"}]


def test_running_checks_fills_defaults_and_reports_progress():
    told = []
    made = ABOVE.run({"volume": VOLUME}, {"lower": "20"}, lambda *words: told.append(words))
    assert made["result"].mask("above").sum() == 3
    assert told == [(1, 1, "marking")]
    assert Step.of("two", "test", two).run({"volume": VOLUME}, {}) == {"corrected": VOLUME, "factor": 2.0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "lower"),
        ({"lower": 1, "other": 2}, "other"),
        ({"lower": "high"}, "float"),
        ({"lower": 4000}, "3000"),
        ({"lower": float("nan")}, "limits"),
        ({"lower": 1, "side": "beside"}, "under"),
        ({"lower": 1, "radius": "1,2"}, "number of values"),
        ({"lower": 1, "radius": (1, 2, 0.5)}, "int"),
        ({"lower": 1, "fill": "maybe"}, "bool"),
    ],
)
def test_an_option_that_does_not_fit_is_named(options, said):
    with pytest.raises(UsageError, match=said):
        ABOVE.check(options)


def test_an_input_of_another_kind_is_refused():
    with pytest.raises(UsageError, match="LabelMap"):
        ABOVE.run({"volume": VOLUME, "mask": VOLUME}, {"lower": 1})
    with pytest.raises(UsageError, match="volume"):
        ABOVE.run({}, {"lower": 1})


def test_the_same_run_as_command_and_as_python():
    options = {"lower": 20, "seeds_mm": [[1, 2, 3], [4, 5, 6]], "radius": "2x2x1", "fill": True}
    assert ABOVE.command_line(("in.nii", "out.nii"), options) == (
        "medvox test above in.nii out.nii --lower 20.0 --seeds-mm 1.0,2.0,3.0 --seeds-mm 4.0,5.0,6.0"
        " --radius 2,2,1 --fill"
    )
    line = ABOVE.python_line(options)
    assert line.endswith(
        "above(volume, lower=20.0, seeds_mm=((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), radius=(2, 2, 1), fill=True)"
    )


def test_registered_steps_are_found_and_names_are_unique():
    step("above", family="trial")(above)
    assert [s.name for s in family("trial")] == ["above"]
    assert find("trial", "above").function is above
    with pytest.raises(MissingError, match="above"):
        find("trial", "below")
    with pytest.raises(UsageError, match="same name"):
        step("above", family="trial")(two)
