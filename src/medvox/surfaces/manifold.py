"""Manifolds: every edge of a surface shared by exactly two faces, whatever made it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.mesh import Mesh

AnyArray = NDArray[Any]
NUDGE = 0.01
"""Copies of a pinched vertex move this share of the way to their own neighbors: files keep them apart."""


def without_degenerate(faces: AnyArray) -> NDArray[np.int64]:
    """Leave out faces that name a vertex twice, and pairs of faces that lie back to back."""
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (a != c)]
    if len(faces) == 0:
        return np.asarray(faces, dtype=np.int64)
    turned = np.argmin(faces, axis=1)
    first = np.take_along_axis(faces, (turned[:, None] + np.arange(3)) % 3, axis=1)
    parity = np.where(first[:, 1] < first[:, 2], 1, -1)
    keys = np.sort(faces, axis=1)
    _, back = np.unique(keys, axis=0, return_inverse=True)
    net = np.bincount(back.ravel(), parity)
    order = np.argsort(back.ravel(), kind="stable")
    kept = np.zeros(len(faces), bool)
    _, start = np.unique(back.ravel()[order], return_index=True)
    kept[order[start]] = True
    for face in np.flatnonzero(np.abs(net) > 1):  # the same face several times: once is enough
        net[face] = np.sign(net[face])
    kept &= net[back.ravel()] != 0
    wanted = net[back.ravel()]
    result = np.where((wanted == parity)[:, None], faces, faces[:, ::-1])
    return np.asarray(result[kept], dtype=np.int64)


def separate(mesh: Mesh) -> Mesh:
    """Cut a surface apart where more than two faces share an edge, or fans of faces share a vertex only.

    Around such an edge each face is joined to the one across the inside, so that bodies which touch part. A
    surface whose every edge is used equally in both directions, as those of regions are, becomes a closed
    manifold.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    faces = without_degenerate(mesh.faces)
    if len(faces) == 0:
        return replace(mesh, faces=faces)
    one, other = _joined_corners(mesh.vertices_mm, faces)
    count = faces.size
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    _, fan = connected_components(graph, directed=False)
    number = np.asarray(fan, dtype=np.int64).reshape(-1, 3)
    origin = np.zeros(int(number.max()) + 1, np.int64)
    origin[number.ravel()] = faces.ravel()
    vertices = mesh.vertices_mm[origin]
    copies = np.bincount(origin, minlength=len(mesh.vertices_mm))[origin] > 1
    if copies.any():
        vertices = _nudged(vertices, number, copies)
    vertices, number = _without_doubled_edges(vertices, number)
    return replace(mesh, vertices_mm=vertices, faces=number, vertex_colors=None)


def _without_doubled_edges(vertices: AnyArray, faces: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Give each pair of faces, on an edge that several pairs share, a vertex of its own in its middle."""
    begin, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    key = np.minimum(begin, end) * np.int64(len(vertices)) + np.maximum(begin, end)
    order = np.argsort(key, kind="stable")
    _, start, many = np.unique(key[order], return_index=True, return_counts=True)
    added: list[AnyArray] = []
    extra: list[AnyArray] = []
    whole = faces.copy()
    busy: set[int] = set()
    for first, count in zip(start[many > 2], many[many > 2], strict=True):
        edges = order[first : first + count]
        if busy & set((edges // 3).tolist()):
            continue  # a face with two such edges: the next round's work
        for pair in _paired(vertices, faces, edges, begin, end):
            middle = len(vertices) + len(added)
            here, there = vertices[begin[pair[0]]], vertices[end[pair[0]]]
            apex = [vertices[faces[e // 3, (e % 3 + 2) % 3]] for e in pair]
            added.append((here + there) / 2 + NUDGE * (apex[0] + apex[1] - here - there) / 2)
            for e in pair:
                face, place = e // 3, e % 3
                second = faces[face].copy()
                whole[face, (place + 1) % 3] = middle
                second[place] = middle
                extra.append(second)
                busy.add(int(face))
    if not added:
        return vertices, faces
    result = np.concatenate([whole, np.array(extra)])
    return _without_doubled_edges(np.concatenate([vertices, np.array(added)]), result)


def _nudged(vertices: AnyArray, faces: AnyArray, moved: AnyArray) -> AnyArray:
    touching = faces[moved[faces].any(axis=1)]
    total, weight = np.zeros_like(vertices), np.zeros(len(vertices))
    for n in range(3):
        for m in (1, 2):
            np.add.at(total, touching[:, n], vertices[touching[:, (n + m) % 3]])
            np.add.at(weight, touching[:, n], 1)
    target = total / np.maximum(weight, 1)[:, None]
    return np.where(moved[:, None], vertices + NUDGE * (target - vertices), vertices)


def _joined_corners(vertices: AnyArray, faces: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Corners (3 face + place) that are the same vertex because an edge joins their faces."""
    count = len(faces)
    begin = faces.ravel()
    end = faces[:, [1, 2, 0]].ravel()
    corner = np.arange(3 * count)
    after = corner - corner % 3 + (corner % 3 + 1) % 3
    key = np.minimum(begin, end) * np.int64(len(vertices)) + np.maximum(begin, end)
    order = np.argsort(key, kind="stable")
    _, start, many = np.unique(key[order], return_index=True, return_counts=True)
    plain = start[many == 2]
    a, b = order[plain], order[plain + 1]
    opposed = begin[a] == end[b]
    pairs = [np.stack([a[opposed], b[opposed]], axis=1)]
    special = [order[s : s + n] for s, n in zip(start[many > 2], many[many > 2], strict=True)]
    pairs += [_paired(vertices, faces, edges, begin, end) for edges in special]
    joined = np.concatenate(pairs)
    a, b = joined[:, 0], joined[:, 1]
    return np.concatenate([a, after[a]]), np.concatenate([after[b], b])


def _paired(vertices: AnyArray, faces: AnyArray, edges: AnyArray, begin: AnyArray, end: AnyArray) -> AnyArray:
    """Pair the half-edges of one edge: each forward one with the next backward one across the inside."""
    u, v = min(begin[edges[0]], end[edges[0]]), max(begin[edges[0]], end[edges[0]])
    forward = begin[edges] == u
    opposite = faces[edges // 3, (edges % 3 + 2) % 3]
    axis = vertices[v] - vertices[u]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-30)
    first = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    first /= np.linalg.norm(first)
    ray = vertices[opposite] - vertices[u]
    angle = np.arctan2(ray @ np.cross(axis, first), ray @ first)
    pairs, free = [], list(np.flatnonzero(~forward))
    for f in np.flatnonzero(forward):
        if not free:
            break
        inside = [(angle[f] - angle[b]) % (2 * np.pi) for b in free]
        chosen = free.pop(int(np.argmin(inside)))
        pairs.append((edges[f], edges[chosen]))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def open_edges(mesh: Mesh) -> int:
    """Number of edges that do not join exactly two faces that wind the same way."""
    faces = mesh.faces
    begin, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    key = np.minimum(begin, end) * np.int64(max(len(mesh.vertices_mm), 1)) + np.maximum(begin, end)
    _, back, many = np.unique(key, return_inverse=True, return_counts=True)
    balance = np.bincount(back.ravel(), np.where(begin < end, 1, -1), len(many))
    return int(((many != 2) | (balance != 0)).sum())


def euler_number(mesh: Mesh) -> int:
    """Vertices less edges plus faces: 2 for each closed part, less 2 for each handle."""
    faces = mesh.faces
    begin, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    edges = np.unique(
        np.minimum(begin, end) * np.int64(max(len(mesh.vertices_mm), 1)) + np.maximum(begin, end)
    )
    return len(np.unique(faces)) - len(edges) + len(faces)
