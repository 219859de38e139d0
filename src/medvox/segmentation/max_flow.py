"""Cuts of least cost on the voxels of a mask, by maximum flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid
from medvox.segmentation.regions import Mask

AnyArray = NDArray[Any]
UNIT = 1000
"""Costs are whole numbers of a thousandth: flows are exact."""
MOST_TURNS = 5


def neighbors(inside: Mask, grid: Grid) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Pairs of voxels of a mask that share a face: their numbers within the mask, and distances in mm."""
    number = np.full(inside.shape, -1, np.int64)
    number[inside] = np.arange(int(inside.sum()))
    gaps = np.diff(grid.depths_mm) if grid.shape[0] > 1 else np.empty(0)
    ones, twos, lengths = [], [], []
    for axis in range(3):
        a = number[tuple(slice(None, -1) if n == axis else slice(None) for n in range(3))]
        b = number[tuple(slice(1, None) if n == axis else slice(None) for n in range(3))]
        both = (a >= 0) & (b >= 0)
        long = np.broadcast_to(gaps[:, None, None] if axis == 0 else grid.spacing_mm[axis], a.shape)
        ones.append(a[both])
        twos.append(b[both])
        lengths.append(long[both])
    return np.concatenate(ones), np.concatenate(twos), np.concatenate(lengths)


def cut(
    cost: AnyArray, one: AnyArray, two: AnyArray, forth: AnyArray, back: AnyArray
) -> tuple[AnyArray, int]:
    """Least cost of a choice between two for every voxel.

    Parameters
    ----------
    cost
        (2, voxels) whole numbers: of the choice 0 and 1.
    one, two
        (pairs,) voxels.
    forth, back
        (pairs,) whole numbers: cost where `one` is 0 and `two` is 1, and the other way round.

    Returns
    -------
    array
        (voxels,) 0 or 1.
    int
        The flow: cost of the choice, less what every choice costs.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = cost.shape[1]
    source, sink = count, count + 1
    least = cost.min(axis=0)
    every = np.arange(count)
    ends = np.full(count, source), np.full(count, sink)
    # a voxel on the side of the source is 0: it pays the link to the sink
    rows = np.concatenate([ends[0], every, one, two])
    columns = np.concatenate([every, ends[1], two, one])
    flows = np.concatenate([cost[1] - least, cost[0] - least, forth, back])
    graph = coo_array((flows.astype(np.int32), (rows, columns)), (count + 2, count + 2)).tocsr()
    graph.sum_duplicates()
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    result = maximum_flow(graph, source, sink)
    left = graph - result.flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    choice = np.ones(count + 2, np.uint8)
    choice[reached] = 0
    return np.asarray(choice[:count]), int(result.flow_value)


def expand(cost: AnyArray, one: AnyArray, two: AnyArray, edge: AnyArray) -> AnyArray:
    """Numbers of labels that cost least: exact for two, by alpha expansion for more.

    Parameters
    ----------
    cost
        (labels, voxels).
    one, two, edge
        (pairs,) voxels, and what it costs if their labels differ.
    """
    whole = np.rint(np.minimum(cost, 1e6) * UNIT).astype(np.int64)
    links = np.rint(edge * UNIT).astype(np.int64)
    whole = np.minimum(whole, 2**30)
    if len(whole) == 2:
        return cut(whole, one, two, links, links)[0]
    labels: AnyArray = whole.argmin(axis=0)
    before = _energy(whole, labels, one, two, links)
    for _ in range(MOST_TURNS):
        for alpha in range(len(whole)):
            labels = _expanded(whole, labels, alpha, (one, two, links))
        after = _energy(whole, labels, one, two, links)
        if after >= before:
            break
        before = after
    return labels


def _energy(cost: AnyArray, labels: AnyArray, one: AnyArray, two: AnyArray, links: AnyArray) -> int:
    chosen = cost[labels, np.arange(cost.shape[1])].sum()
    return int(chosen + links[labels[one] != labels[two]].sum())


def _expanded(
    cost: AnyArray, labels: AnyArray, alpha: int, pairs: tuple[AnyArray, AnyArray, AnyArray]
) -> AnyArray:
    """Let a label take whatever voxels make the whole cheaper (choice 1 takes it)."""
    one, two, links = pairs
    every = np.arange(cost.shape[1])
    keep, take = cost[labels, every], cost[alpha].copy()
    apart = links * (labels[one] != labels[two])  # both keep
    first = links * (labels[one] != alpha)  # one keeps, two takes
    second = links * (labels[two] != alpha)
    extra = np.zeros(cost.shape[1], np.int64)
    np.add.at(extra, one, second - apart)  # Kolmogorov and Zabih, IEEE TPAMI 26 (2004) 147
    np.add.at(extra, two, -second)
    unary = np.stack([keep, take + extra])
    unary -= unary.min(axis=0)
    choice, _ = cut(np.minimum(unary, 2**30), one, two, first + second - apart, np.zeros_like(links))
    return np.asarray(np.where(choice == 1, alpha, labels))
