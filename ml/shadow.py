"""The shadow: a challenger scores what was decided beside the champion, and changes nothing."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.datasets import EVENT_TIMESTAMP

NEWEST = timedelta(days=7)
LEAST_DECISIONS = 1_000
"""Decisions on record by which the share that a version shows is told within three percentage points."""

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ShadowReport:
    """What a challenger would have done about `rows` of a `kind`; it `failed` on those that it gave no probability.

    The shares are of the rows on which it would have shown; `agreement` is the share of those decided alike. Both
    it and the champion's are None where nobody was champion. `quantiles` are those of the challenger's scores.
    """

    kind: str
    rows: int
    failed: int
    challenger_share: float
    champion_share: float | None
    agreement: float | None
    quantiles: Mapping[str, float]

    @property
    def told(self) -> str:
        """The shares in words."""
        shows = f"it shows {self.challenger_share:.0%}"
        if self.champion_share is None:
            return shows
        return f"{shows}, the champion {self.champion_share:.0%}, and {self.agreement:.0%} are decided alike"


@dataclass(frozen=True)
class Decided:
    """Rows of features that something was decided about, and what they are."""

    kind: str
    rows: pd.DataFrame


def decided(logged: Sequence[Mapping[str, Any]], frame: pd.DataFrame, features: Set[str]) -> Decided:
    """The decisions on record, `logged` by their features; of a shop with few of them, the newest training rows.

    A decision that was made without one of `features`, under an older contract, can't be tried.
    """
    known = [row for row in logged if row.keys() >= features]
    if len(known) >= LEAST_DECISIONS:
        return Decided("decisions on record", pd.DataFrame(known, dtype=object))
    moments = frame[EVENT_TIMESTAMP]
    return Decided("training rows", frame[moments > moments.max() - NEWEST])


def shadow(challenger: Bundle, champion: Bundle | None, tried: Decided) -> ShadowReport:
    """Score what was decided by both, each at its threshold."""
    scores, failed = _scores(challenger, tried.rows)
    shows = scores >= challenger.header.threshold
    before = None if champion is None else champion.score(tried.rows) >= champion.header.threshold
    known = scores[~failed]
    return ShadowReport(
        kind=tried.kind,
        rows=len(tried.rows),
        failed=int(failed.sum()),
        challenger_share=_share(shows),
        champion_share=None if before is None else _share(before),
        agreement=None if before is None else _share(shows == before),
        quantiles={f"{point:.0%}": float(np.quantile(known, point)) for point in QUANTILES} if len(known) else {},
    )


def _scores(read: Bundle, moments: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The scores of rows, and on which of them there is none: a row that breaks its batch is scored by itself."""
    try:
        scores = read.score(moments)
    except (TypeError, ValueError, KeyError):
        scores = np.array([_alone(read, row) for row in moments.to_dict("records")])
    return scores, ~((scores >= 0.0) & (scores <= 1.0))


def _alone(read: Bundle, row: Mapping[Any, Any]) -> float:
    try:
        return float(read.score_rows([row])[0])
    except (TypeError, ValueError, KeyError):
        return float("nan")


def _share(decisions: NDArray[np.bool_]) -> float:
    return float(decisions.mean()) if len(decisions) else 0.0
