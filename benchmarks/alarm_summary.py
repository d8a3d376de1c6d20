"""Judged windows of the drift alarm as shares, each with its 95 % interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from ml.drift_verdict import MOVED, Told, Verdict, drifted_on
from ml.reference import WEEK

RAMP_WEEKS = 3
"""How long the gradual drift takes."""

NAIVE = (0.1, 0.2)


@dataclass(frozen=True)
class Judged:
    """What came of a window, `week` weeks after what it is a window of; `psi` is the highest of a feature."""

    kind: str
    shop: int
    case: int
    week: int
    verdict: str
    p_value: float
    psi: float


def summary(told: Sequence[Judged]) -> dict[str, Any]:
    """Shares of windows and of cases, each with its 95 % interval."""
    frame = pd.DataFrame(told)
    of = dict(list(frame.groupby("kind")))
    abrupt, gradual = (of[kind].assign(is_drift=of[kind]["verdict"] == Verdict.DRIFT) for kind in ("abrupt", "gradual"))
    first = {**of, "abrupt": abrupt[abrupt["week"] == 0], "gradual": gradual[gradual["week"] < RAMP_WEEKS]}
    return {
        "windows": {kind: len(windows) for kind, windows in first.items()},
        "verdicts": {kind: windows["verdict"].value_counts().to_dict() for kind, windows in first.items()},
        "false_alarms": _share(of["nothing"]["verdict"] != Verdict.STABLE),
        "abrupt_caught_in_first_window": _share(abrupt[abrupt["week"] == 0]["is_drift"]),
        "abrupt_caught_within_two_windows": _share(abrupt.groupby(["shop", "case"])["is_drift"].any()),
        "gradual_caught_by_week": {
            f"{week}": _share(windows["is_drift"]) for week, windows in gradual.groupby(gradual["week"] + 1)
        },
        "gradual_asks_for_retraining_within_weeks": {f"{weeks}": _share(_asked(gradual, weeks)) for weeks in (3, 4, 5)},
        "season_not_called_drift": _share(~_judged(of["season_peak"]).isin(MOVED)),
        "season_not_declared_not_called_drift": _share(~_judged(of["season_peak_not_declared"]).isin(MOVED)),
        "relabelling_not_called_drift": _share(~_judged(of["relabelled"]).isin(MOVED)),
        "relabelling_suspected": _share(of["relabelled"]["verdict"] == Verdict.RELABELLING_SUSPECTED),
        "with_a_fixed_threshold": {
            f"{threshold}": {kind: _share(windows["psi"] >= threshold) for kind, windows in first.items()}
            for threshold in NAIVE
        },
    }


def _judged(windows: pd.DataFrame) -> "pd.Series[str]":
    """The verdicts on windows of which there was enough to judge by."""
    verdicts: pd.Series[str] = windows.loc[windows["verdict"] != Verdict.NOT_ENOUGH_DATA, "verdict"]
    return verdicts


def _asked(gradual: pd.DataFrame, weeks: int) -> "pd.Series[bool]":
    """Whether two windows in a row had moved, within so many weeks, by case."""
    first = date(2026, 1, 5)

    def told(week: int, verdict: str) -> Told:
        begins = first + timedelta(days=WEEK * week)
        return Told(begins, begins + timedelta(days=WEEK - 1), Verdict(verdict))

    def asked(windows: pd.DataFrame) -> bool:
        windows = windows.sort_values("week")
        verdicts = [told(*window) for window in zip(windows["week"], windows["verdict"], strict=True)]
        return any(drifted_on(verdicts[:seen]) is not None for seen in range(1, len(verdicts) + 1))

    whole = gradual.groupby(["shop", "case"]).filter(lambda windows: windows["week"].max() >= weeks - 1)
    within = whole[whole["week"] < weeks]
    return pd.Series([asked(windows) for _, windows in within.groupby(["shop", "case"])])


def _share(is_so: "pd.Series[bool]") -> dict[str, float]:
    found = binomtest(int(is_so.sum()), len(is_so))
    low, high = found.proportion_ci(method="wilson")
    return {"share": found.statistic, "low": low, "high": high, "of": len(is_so)}
