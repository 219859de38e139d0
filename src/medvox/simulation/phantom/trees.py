"""Branching trees (vessels, airways) that reach everywhere in an organ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.simulation.phantom.shapes import Shape, tube

FloatArray = NDArray[np.float64]


def points_inside(shape: Shape, count: int, depth_mm: float, rng: np.random.Generator) -> FloatArray:
    """(count, 3) random points at least `depth_mm` inside a shape."""
    from medvox.simulation.phantom.shape_kernels import distances

    low, high = shape.bounds()
    found: list[FloatArray] = []
    while sum(map(len, found)) < count:
        trial = rng.uniform(low, high, (4 * count, 3))
        found.append(trial[distances(shape.rows, shape.sections, trial) < -depth_mm])
    return np.concatenate(found)[:count]


def grow(
    root: ArrayLike, targets: FloatArray, leaf_mm: float, root_mm: float, rng: np.random.Generator
) -> Shape:
    """Grow a tree from `root` to every target, nearest first; thick near the root.

    Each target joins the node that makes a short way from the root (dist + 0.45 · way), which gives
    the fans of real vessels. Radii follow Murray's law, r³ = Σ r³ of the branches, scaled to `root_mm`.
    """
    start = np.asarray(root, dtype=float)
    order = np.argsort(np.linalg.norm(targets - start, axis=1))
    nodes, parents, way = [start], [-1], [0.0]
    for target in targets[order]:
        known = np.array(nodes)
        gap = np.linalg.norm(known - target, axis=1)
        best = int(np.argmin(gap + 0.45 * np.array(way)))
        for f in (0.5, 1.0):
            jitter = rng.normal(0, 0.06 * gap[best], 3) if f < 1 else 0.0
            nodes.append(known[best] + (target - known[best]) * f + jitter)
            parents.append(best if f < 1 else len(nodes) - 2)
            way.append(way[best] + gap[best] * f)
    cubes = np.zeros(len(nodes))
    has_child = np.zeros(len(nodes), bool)
    for n in range(len(nodes) - 1, 0, -1):
        if not has_child[n]:
            cubes[n] = leaf_mm**3
        cubes[parents[n]] += cubes[n]
        has_child[parents[n]] = True
    radii = np.cbrt(cubes)
    power = np.log(root_mm / leaf_mm) / np.log(max(radii[0] / leaf_mm, 1.01))
    radii = leaf_mm * (radii / leaf_mm) ** power
    pairs = [(parents[n], n) for n in range(1, len(nodes))]
    pieces = [tube([nodes[a], nodes[b]], (min(radii[a], radii[b] * 1.25), radii[b])).rows for a, b in pairs]
    return Shape(np.concatenate(pieces))
