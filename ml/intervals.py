"""Figures between the bounds of their 95 % intervals, by resampling groups of rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

RESAMPLES = 500


@dataclass(frozen=True)
class Interval:
    """A figure between the bounds of its 95 % interval; NaN where it is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})" if isfinite(self.value) else "not defined"


UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


def resampled(groups: NDArray[np.intp], seed: int, resamples: int = RESAMPLES) -> Iterator[NDArray[np.intp]]:
    """Rows of bootstrap samples: as many whole groups as there are, drawn with replacement."""
    rng = np.random.default_rng(seed)
    _, group_of = np.unique(groups, return_inverse=True)
    size = int(group_of.max()) + 1
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, size, size), minlength=size)
        yield np.repeat(np.arange(len(groups)), times[group_of])


def interval_of(value: float, drawn: NDArray[np.float64]) -> Interval:
    """A figure with the 95 % interval that its values on bootstrap samples give; undefined ones are left out."""
    known = drawn[np.isfinite(drawn)]
    if not isfinite(value) or not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(known, (2.5, 97.5))
    # resampling inflates a calibration error, so that the value itself may lie below every draw
    return Interval(value, min(float(low), value), max(float(high), value))


def wilson(successes: int, trials: int) -> Interval:
    """A share with Wilson's interval; not defined without trials."""
    if not trials:
        return UNDEFINED
    found = binomtest(successes, trials).proportion_ci(method="wilson")
    return Interval(successes / trials, float(found.low), float(found.high))


def widest(one: Interval, other: Interval) -> Interval:
    """A figure between the outer bounds of two intervals of it; those that are not defined bound nothing."""
    lows, highs = (one.low, other.low), (one.high, other.high)
    return Interval(one.value, float(np.nanmin(lows)), float(np.nanmax(highs))) if isfinite(one.value) else one


def bounds(intervals: Mapping[str, Interval]) -> dict[str, float]:
    """Every defined figure by name, its bounds as `<name>_low` and `<name>_high`."""
    named = {
        f"{name}{suffix}": value
        for name, interval in intervals.items()
        for suffix, value in (("", interval.value), ("_low", interval.low), ("_high", interval.high))
    }
    return {name: float(value) for name, value in named.items() if isfinite(value)}
