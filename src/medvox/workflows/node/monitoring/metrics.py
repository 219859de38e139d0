"""Metrics of a node in the text format of Prometheus (version 0.0.4).

Labels are words of the program alone, such as actions and services: never titles, UIDs or anything of a
patient, and never so many that whoever asks could fill the memory.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the buckets of times."""
MOST_SERIES: Final = 200
"""Combinations of labels that one metric tells apart; the others are counted as ``other``."""

Labels = tuple[str, ...]


class Counter:
    """Counts things; made by `Metrics.counter`."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._lock = threading.Lock()
        self._values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, *values: str, by: float = 1) -> None:
        """Count, under the values of the labels."""
        with self._lock:
            key = _bounded(values, self._values)
            self._values[key] = self._values.get(key, 0) + by

    def lines(self) -> Iterator[str]:
        """Yield the samples."""
        with self._lock:
            found = dict(self._values)
        for values, number in found.items():
            yield f"{self.name}{_braces(self.labels, values)} {_number(number)}"


class Histogram:
    """Counts times by their length; made by `Metrics.histogram`."""

    kind = "histogram"

    def __init__(self, name: str, text: str, labels: Labels, bounds: Sequence[float] = SECONDS) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def add(self, seconds: float, *values: str) -> None:
        """Count a time, under the values of the labels."""
        place = bisect_left(self._bounds, seconds)
        with self._lock:
            key = _bounded(values, self._counts)
            self._counts.setdefault(key, [0] * (len(self._bounds) + 1))[place] += 1
            self._sums[key] = self._sums.get(key, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """Yield the samples: how many were at most so long, the sum, and how many."""
        with self._lock:
            found = [(values, tuple(counts), self._sums[values]) for values, counts in self._counts.items()]
        names = (*self.labels, "le")
        for values, counts, total in found:
            reached = 0
            for bound, count in zip((*map(_number, self._bounds), "+Inf"), counts, strict=True):
                reached += count
                yield f"{self.name}_bucket{_braces(names, (*values, bound))} {reached}"
            yield f"{self.name}_sum{_braces(self.labels, values)} {_number(total)}"
            yield f"{self.name}_count{_braces(self.labels, values)} {reached}"


class Gauge:
    """Says how something is now; made by `Metrics.gauge`."""

    kind = "gauge"

    def __init__(
        self, name: str, text: str, labels: Labels, read: Callable[[], Mapping[Labels, float]]
    ) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._read = read

    def lines(self) -> Iterator[str]:
        """Yield the samples; none where they cannot be read now."""
        try:
            found = self._read()
        except Exception:  # one that cannot be told must not hide the others
            return
        for values, number in list(found.items())[:MOST_SERIES]:
            yield f"{self.name}{_braces(self.labels, values)} {_number(number)}"


class Metrics:
    """Metrics of a node; safe to use from several threads."""

    def __init__(self) -> None:
        self._metrics: dict[str, Counter | Histogram | Gauge] = {}

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Add a counter, or return the one of this name."""
        made = self._metrics.setdefault(name, Counter(name, text, labels))
        assert isinstance(made, Counter)
        return made

    def histogram(self, name: str, text: str, *labels: str) -> Histogram:
        """Add a histogram of seconds, or return the one of this name."""
        made = self._metrics.setdefault(name, Histogram(name, text, labels))
        assert isinstance(made, Histogram)
        return made

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a number that is read when it is asked for."""
        self._metrics[name] = Gauge(name, text, (), lambda: {(): read()})

    def gauges(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Add numbers that are read when they are asked for, by the value of a label."""
        self._metrics[name] = Gauge(
            name, text, (label,), lambda: {(value,): number for value, number in read().items()}
        )

    def text(self) -> str:
        """Return all metrics as Prometheus reads them."""
        lines: list[str] = []
        for metric in list(self._metrics.values()):
            lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}"]
            lines += metric.lines()
        return "\n".join(lines) + "\n"


def _bounded(values: Labels, known: Mapping[Labels, object]) -> Labels:
    if values in known or len(known) < MOST_SERIES:
        return values
    return ("other",) * len(values)


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
