"""Where a model errs most: converters missed and others shown in vain, by what it looks at most."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ml.datasets import F
from ml.evaluation import Outcomes
from ml.intervals import Interval
from ml.subgroups import MISSING, Breakdown, Group, break_down
from ml.training import Fitted

ERRORS = ("missed", "needless")
LOOKED_AT = 5
"""How many features, the most important first, rows are told apart by."""

_THIRDS = 3
_ROUND = 100
_WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True)
class Excess:
    """A stratum in which an error is made more often than in all rows, beyond what chance gives."""

    error: str
    by: str
    stratum: Group

    @property
    def rate(self) -> Interval:
        """How often the error is made in the stratum."""
        return self.stratum.figures[self.error]


@dataclass(frozen=True)
class ErrorReport:
    """How often each of ERRORS is made in all rows, and in the strata of each feature looked at."""

    whole: Mapping[str, Interval]
    breakdowns: tuple[Breakdown, ...]

    @property
    def excesses(self) -> tuple[Excess, ...]:
        """The strata whose interval of an error lies above its rate in all rows, the farthest above it first."""
        found = [
            Excess(error, breakdown.by, stratum)
            for breakdown in self.breakdowns
            for stratum in breakdown.groups
            for error in ERRORS
            if stratum.figures[error].low > self.whole[error].value
        ]
        return tuple(sorted(found, key=lambda excess: self.whole[excess.error].value - excess.rate.low))


def find_errors(fitted: Fitted[F], frame: pd.DataFrame, outcomes: Outcomes) -> ErrorReport:
    """ERRORS by third of a number or by level of a text, for each of the features that the model looks at most.

    `missed` is the share of converters below the threshold, `needless` that of the others at or above it. `frame` and
    `outcomes` have the same rows.
    """
    values = fitted.encoding.recode(frame)
    looked_at = [name for name, share in fitted.importance().items() if share > 0][:LOOKED_AT]
    everybody = pd.Series("all", range(len(frame)))
    (whole,) = break_down("all", everybody, outcomes, fitted.threshold, ERRORS).groups
    return ErrorReport(
        whole.figures,
        tuple(
            break_down(name, strata(pd.Series(list(values[name]))), outcomes, fitted.threshold, ERRORS)
            for name in looked_at
        ),
    )


def strata(values: "pd.Series[Any]") -> "pd.Series[str]":
    """The third in which a number lies, in rising order; a text, a truth value or one of few numbers is its own."""
    words = values.map(lambda value: _WORDS.get(value, value) if isinstance(value, bool) else value)
    if words.nunique() <= _THIRDS or words.map(lambda value: isinstance(value, str)).any():
        return _ordered(words.map(_text, na_action="ignore"), map(_text, sorted(words.dropna().unique())))
    numbers = pd.to_numeric(words, errors="coerce")
    cuts = np.unique(numbers.quantile([1 / _THIRDS, 2 / _THIRDS], "nearest"))
    first, *inner, last = map(_text, (cuts[0], *cuts, cuts[-1]))
    names = [f"up to {first}", *(f"{low} to {high}" for low, high in pairwise(inner)), f"above {last}"]
    thirds = pd.Series(np.array(names, dtype=object)[np.searchsorted(cuts, numbers)], values.index)
    return _ordered(thirds.mask(numbers.isna()), names)


def _ordered(names: "pd.Series[str]", order: Iterable[str]) -> "pd.Series[str]":
    return pd.Series(pd.Categorical(names.fillna(MISSING), [*dict.fromkeys(order), MISSING]), names.index)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if abs(value) >= _ROUND else f"{value:.3g}"
