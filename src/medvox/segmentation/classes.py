"""Classes of color and of texture: by likeness alone, or to samples."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.regions import Mode, color, image, many, mask_of, within

Classes = Annotated[int, Setting(minimum=2, maximum=32)]
SAMPLE = 20_000
TURNS = 50


@step("color-classes", family="segment")
def color_classes(
    volume: Volume,
    samples: LabelMap | None = None,
    mask: LabelMap | None = None,
    *,
    classes: Classes = 3,
) -> LabelMap:
    """Sort the voxels of a color image into classes of like color.

    Parameters
    ----------
    volume
        Image with color channels.
    samples
        Segments of samples: each voxel goes to the one that its color fits best; without them classes are
        found.
    mask
        Only voxels in these segments.
    classes
        How many classes to find; not used with samples.
    """
    if volume.axes != ("channel", "k", "j", "i"):
        raise UsageError("this needs a color image", got=volume.axes, expected="channel k j i")
    features = np.moveaxis(volume.values(), 0, -1).astype(np.float32)
    return _classified(features, volume, samples, mask, classes)


@step("texture-classes", family="segment")
def texture_classes(
    volume: Volume,
    samples: LabelMap | None = None,
    mask: LabelMap | None = None,
    *,
    classes: Classes = 3,
    radius: Annotated[int, Setting(unit="voxels", minimum=1, maximum=15)] = 2,
    mode: Mode = "3D",
) -> LabelMap:
    """Sort voxels into classes of like texture: mean, roughness and edges of their surroundings.

    Parameters
    ----------
    volume
        Image.
    samples
        Segments of samples: each voxel goes to the one that it fits best; without them classes are found.
    mask
        Only voxels in these segments.
    classes
        How many classes to find; not used with samples.
    radius
        Of the surroundings (a cube, or a square in 2D).
    mode
        Surroundings in space, or within each slice.
    """
    from scipy.ndimage import uniform_filter

    values = image(volume).astype(np.float32)
    size = [2 * radius + 1 if mode == "3D" and volume.grid.shape[0] > 1 else 1] + [2 * radius + 1] * 2
    mean = uniform_filter(values, size)
    rough = np.sqrt(np.maximum(uniform_filter((values - mean) ** 2, size), 0))
    edges = sum(
        uniform_filter(np.abs(np.diff(values, axis=axis, append=values.take([-1], axis))), size)
        for axis in range(3)
        if size[axis] > 1
    )
    return _classified(np.stack([mean, rough, np.asarray(edges)], axis=-1), volume, samples, mask, classes)


def _classified(
    features: NDArray[np.float32], volume: Volume, samples: LabelMap | None, mask: LabelMap | None, count: int
) -> LabelMap:
    inside = within(mask, volume.grid)
    chosen = np.ones(features.shape[:3], bool) if inside is None else inside
    x = features[chosen]
    if samples is not None:
        within(samples, volume.grid)
        segments = tuple(
            Segment(n, s.name, 0, s.category, s.kind, s.color) for n, s in enumerate(samples.segments, 1)
        )
        known = [features[mask_of(samples, s)] for s in samples.segments]
        found = likeliest(x, known)
    else:
        found = k_means(x, count)
        segments = tuple(Segment(n, f"class {n}", color=color(n)) for n in range(1, count + 1))
    numbers = np.zeros(features.shape[:3], np.uint8)
    numbers[chosen] = found + 1
    return many(numbers, segments, volume, "classes")


def k_means(x: NDArray[Any], count: int) -> NDArray[np.int64]:
    """(n,) classes of (n, features), numbered by rising first feature; features weigh by their deviation.

    Raises
    ------
    UsageError
        If there are fewer distinct values than classes.

    Notes
    -----
    Lloyd's algorithm on a sample, begun as k-means++ with a fixed seed: the same data give the same classes.
    """
    random = np.random.default_rng(0)
    scaled = ((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)).astype(np.float32)
    sample = scaled if len(scaled) <= SAMPLE else scaled[random.choice(len(scaled), SAMPLE, replace=False)]
    if len(np.unique(sample, axis=0)) < count:
        raise UsageError("fewer distinct values than classes", expected=count)
    centers = sample[random.integers(len(sample))][None]
    while len(centers) < count:
        away = _squares(sample, centers).min(axis=1).astype(np.float64)
        centers = np.vstack([centers, sample[random.choice(len(sample), p=away / away.sum())]])
    for _ in range(TURNS):
        nearest = _squares(sample, centers).argmin(axis=1)
        moved = np.stack(
            [sample[nearest == n].mean(axis=0) if (nearest == n).any() else centers[n] for n in range(count)]
        )
        if np.allclose(moved, centers, atol=1e-5):
            break
        centers = moved
    centers = centers[np.lexsort(centers.T[::-1])]
    parts = np.array_split(scaled, max(1, len(scaled) // 500_000))
    return np.concatenate([_squares(part, centers).argmin(axis=1) for part in parts])


def likeliest(x: NDArray[Any], known: list[NDArray[Any]]) -> NDArray[np.int64]:
    """(n,) number of the sample set that each of (n, features) fits best, as normal distributions.

    Raises
    ------
    UsageError
        If a set is empty, or there are fewer than two.
    """
    if len(known) < 2 or any(not len(k) for k in known):
        raise UsageError("two segments with samples are needed", got=[len(k) for k in known])
    least = np.diag(np.maximum(x.var(axis=0), 1e-9) * 1e-3)
    best = np.full(len(x), np.inf)
    found = np.zeros(len(x), np.int64)
    for n, one in enumerate(known):
        spread = (np.cov(one.T) if len(one) > 1 else 0) + least
        apart = x - one.mean(axis=0)
        cost = np.einsum("nf,fg,ng->n", apart, np.linalg.inv(spread), apart) + np.linalg.slogdet(spread)[1]
        found[cost < best] = n
        best = np.minimum(best, cost)
    return found


def _squares(x: NDArray[Any], centers: NDArray[Any]) -> NDArray[Any]:
    return np.stack([((x - c) ** 2).sum(axis=1) for c in centers], axis=1)
