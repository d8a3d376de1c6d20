"""The shadow: a challenger scores logged decisions beside the champion, and changes none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.datasets import EVENT_TIMESTAMP

NEWEST = timedelta(days=7)
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ShadowReport:
    """What a challenger would have done with `rows` decisions; it `failed` on those that it gave no probability.

    The shares are of the decisions that would have been to show; `agreement` is the share of those decided alike. Both
    it and the champion's are None where nobody was champion. `quantiles` are those of the challenger's scores.
    """

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


def newest(frame: pd.DataFrame) -> pd.DataFrame:
    """The decisions of the last seven days."""
    moments = frame[EVENT_TIMESTAMP]
    newest_days: pd.DataFrame = frame[moments > moments.max() - NEWEST]
    return newest_days


def shadow(
    challenger: Bundle, champion: Bundle | None, decisions: pd.DataFrame, threshold: float | None = None
) -> ShadowReport:
    """Score `decisions` by both, each at its own threshold, or at the one that the business has set."""
    scores, failed = _scores(challenger, decisions)
    shows = scores >= _threshold(challenger, threshold)
    before = None if champion is None else champion.score(decisions) >= _threshold(champion, threshold)
    known = scores[~failed]
    return ShadowReport(
        rows=len(decisions),
        failed=int(failed.sum()),
        challenger_share=_share(shows),
        champion_share=None if before is None else _share(before),
        agreement=None if before is None else _share(shows == before),
        quantiles={f"{point:.0%}": float(np.quantile(known, point)) for point in QUANTILES} if len(known) else {},
    )


def _scores(read: Bundle, decisions: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The scores of rows, and on which of them there is none: a row that breaks its batch is scored by itself."""
    try:
        scores = read.score(decisions)
    except (TypeError, ValueError, KeyError):
        scores = np.array([_alone(read, row) for row in decisions.to_dict("records")])
    return scores, ~((scores >= 0.0) & (scores <= 1.0))


def _alone(read: Bundle, row: Mapping[Any, Any]) -> float:
    try:
        return float(read.score_rows([row])[0])
    except (TypeError, ValueError, KeyError):
        return float("nan")


def _threshold(read: Bundle, threshold: float | None) -> float:
    return read.header.threshold if threshold is None else threshold


def _share(decisions: NDArray[np.bool_]) -> float:
    return float(decisions.mean()) if len(decisions) else 0.0
