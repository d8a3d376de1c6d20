"""What chance alone makes of population stability indices: the null distribution of a family of columns.

Rows of one user and one day depend on each other, so whole units of them are exchanged between the two sides: in each
weekday the window's unit takes the place of one of the reference's. The bins are Evidently's, which look at both sides
together and so stay what they are. The family's greatest standardised index is what is compared (Westfall and Young,
Resampling-Based Multiple Testing, 1993, the single-step maxT), so that the chance of any false alarm is `alpha`,
however many columns there are and however they depend on each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_ROUNDING = 1e-9
"""What cube roots differ by when sums of the same numbers are taken in another order."""

Floats = NDArray[np.float64]
Kind = Literal["bins", "levels", "ratio"]

_FEW_VALUES = 20
"""Evidently compares numbers of no more distinct values in the reference one by one."""

_FLOOR = 1e-4
"""The share that Evidently gives to an empty bin, unless a bin that is not empty has less."""


@dataclass(frozen=True)
class Units:
    """Which unit each row belongs to: `cell` is stratum * size + unit, and unit 0 of each stratum is the window's."""

    cell: NDArray[np.intp]
    strata: int
    size: int

    @property
    def is_current(self) -> NDArray[np.bool_]:
        """Whether rows are the window's."""
        current: NDArray[np.bool_] = self.cell % self.size == 0
        return current

    def total(self, place: NDArray[np.intp], places: int, weights: Floats | None = None) -> Floats:
        """Rows, or the sum of their weights, by stratum, unit and place; a row of place -1 is left out."""
        known = place >= 0
        summed = np.bincount(
            self.cell[known] * places + place[known],
            None if weights is None else weights[known],
            minlength=self.strata * self.size * places,
        )
        return summed.astype(np.float64).reshape(self.strata, self.size, places)


@dataclass(frozen=True)
class Counted:
    """A column as it is compared: `totals` by stratum, unit and place.

    Places are bins or levels, and totals rows; of a ratio they are its numerator and its denominator.
    """

    name: str
    totals: Floats
    kind: Kind


@dataclass(frozen=True)
class Judged:
    """A column's statistic; above `threshold` it has moved. `p_value` is adjusted for the whole family."""

    name: str
    value: float
    threshold: float
    p_value: float


@dataclass(frozen=True)
class Exchange:
    """How a null distribution is drawn: how often units are exchanged, and the chance of a false alarm."""

    alpha: float = 0.01
    times: int = 1_999
    seed: int = 7


def numbers(name: str, values: "pd.Series[float]", units: Units) -> Counted:
    """A column of numbers in Evidently's bins, what is missing or infinite left out."""
    given = values.to_numpy(dtype=np.float64)
    finite = np.isfinite(given)
    place = np.full(len(given), -1, dtype=np.intp)
    if len(np.unique(given[finite & ~units.is_current])) > _FEW_VALUES:
        edges = np.histogram_bin_edges(given[finite], bins="sturges")
        # the last bin holds its right edge
        place[finite] = np.minimum(np.searchsorted(edges, given[finite], side="right") - 1, len(edges) - 2)
        places = len(edges) - 1
    else:
        distinct, place[finite] = np.unique(given[finite], return_inverse=True)
        places = len(distinct)
    return Counted(name, units.total(place, places), "bins")


def levels(name: str, values: "pd.Series[str]", units: Units) -> Counted:
    """A column of levels, without those that the reference does not know, which any exchange would bring into it."""
    place, distinct = pd.factorize(values.where(values.isin(values[~units.is_current].unique())))
    return Counted(name, units.total(place.astype(np.intp), len(distinct)), "levels")


def ratio(name: str, numerator: Floats, denominator: Floats, units: Units) -> Counted:
    """The ratio of two columns' sums, as of what came true to all rows, or to what was expected to."""
    place = np.zeros(len(numerator), dtype=np.intp)
    totals = [units.total(place, 1, weights) for weights in (numerator, denominator)]
    return Counted(name, np.concatenate(totals, axis=2), "ratio")


def statistic(kind: Kind, reference: Floats, current: Floats) -> Floats:
    """How far `current` is from `reference`, both by place along the last axis; NaN where a side is empty.

    That is the population stability index, as Evidently computes it; of a ratio the difference of its square roots,
    squared, which is defined where nothing has come true too.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "ratio":
            before, after = (np.sqrt(side[..., 0] / side[..., 1]) for side in (reference, current))
            return np.asarray((after - before) ** 2)
        counts = reference > 0 if kind == "levels" else np.ones(reference.shape, dtype=bool)
        before, after = (_shares(np.where(counts, side, 0.0)) for side in (reference, current))
        return np.asarray(np.where(counts, (before - after) * np.log(before / after), 0.0).sum(axis=-1))


def judge(family: Iterable[Counted], exchange: Exchange) -> tuple[Judged, ...]:
    """The columns of a family that have a null distribution, each against what chance makes of the greatest."""
    counted = tuple(family)
    if not counted:
        return ()
    strata, size, _ = counted[0].totals.shape
    rng = np.random.default_rng(exchange.seed)
    # the first is what was observed
    units = np.vstack([np.zeros(strata, dtype=np.intp), rng.integers(0, size, (exchange.times, strata))])
    found = {column.name: _drawn(column, units) for column in counted}
    null = {name: _Null.of(values) for name, values in found.items()}
    known = [name for name, values in found.items() if np.isfinite(values[0])]
    if not known:
        return ()
    standardised = np.stack([null[name].standardised(found[name]) for name in known])
    greatest = np.sort(standardised.max(axis=0))
    # as many as may reach it, and one more, which may not
    allowed = int(exchange.alpha * len(greatest))
    critical = greatest[-1 - allowed]
    return tuple(
        Judged(
            name,
            value=float(found[name][0]),
            threshold=null[name].value(critical),
            p_value=float((greatest >= own[0]).mean()),
        )
        for name, own in zip(known, standardised, strict=True)
    )


@dataclass(frozen=True)
class _Null:
    """The null distribution of a statistic's cube root, which is next to normal (Wilson and Hilferty, 1931)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Floats) -> "_Null":
        roots = np.cbrt(values[np.isfinite(values)])
        return cls(float(roots.mean()), float(roots.std())) if len(roots) else cls(0.0, 0.0)

    def standardised(self, values: Floats) -> Floats:
        # where every exchange gives the same, nothing can stand out
        scale = self.deviation if self.deviation > _ROUNDING else np.inf
        return np.where(np.isfinite(values), (np.cbrt(values) - self.mean) / scale, -np.inf)

    def value(self, standardised: float) -> float:
        return float(max(self.mean + self.deviation * standardised, 0.0) ** 3)


def _drawn(column: Counted, units: NDArray[np.intp]) -> Floats:
    """The statistic of each exchange: one unit of each stratum set against all others."""
    current = np.zeros((len(units), column.totals.shape[2]))
    for stratum, totals in enumerate(column.totals):
        current += totals[units[:, stratum]]
    return statistic(column.kind, column.totals.sum(axis=(0, 1)) - current, current)


def _shares(totals: Floats) -> Floats:
    shares = totals / totals.sum(axis=-1, keepdims=True)
    least = np.where(shares > 0, shares, np.inf).min(axis=-1, keepdims=True)
    return np.where(shares == 0, np.where(least <= _FLOOR, least / 1e6, _FLOOR), shares)


def moved(judged: Sequence[Judged], exchange: Exchange) -> tuple[str, ...]:
    """The columns that chance does not explain, the least likely first."""
    ranked = sorted(judged, key=lambda column: column.p_value)
    return tuple(column.name for column in ranked if column.p_value <= exchange.alpha)
