"""How far a window has moved from the days it is compared with; docs/drift.md tells how, and how well.

Evidently computes the indices and draws the page; what chance makes of them is told by `null_psi`, and `drift_verdict`
judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml import drift_page, null_psi, relabelling
from ml.drift_verdict import ColumnDrift, DriftPolicy, DriftReport, DriftVerdict, Ratios, Theme, judge, lacking
from ml.null_psi import Counted, Judged, Units
from ml.reference import ComparedDays
from ml.relabelling import MISSING, Relabelling
from ml.watched import DAY, USER, Answers, Watched

SCORE, LABEL_RATE, CALIBRATION = "champion's score", "label rate", "calibration"
_OF_ANSWERS = {LABEL_RATE, CALIBRATION}
_ALIKE_ROWS = 500
"""Rows on either side without which all look alike: a share of 0.3 is told from one of 0.4 by these."""

_THEMES: dict[str, Theme] = {SCORE: "score", LABEL_RATE: "label_rate", CALIBRATION: "calibration"}

EVIDENTLY, INDEX = "evidently.html", "index.html"
"""Evidently's page in a report's folder, and our own."""


def report_on(
    watched: Watched, days: ComparedDays, policy: DriftPolicy, folder: Path
) -> tuple[DriftReport, DriftVerdict]:
    """How far the window of `days` has moved, and what that comes to; their pages are written to `folder`.

    The indices are Evidently's, whose page marks the columns that chance does not explain. Where there is not enough to
    measure, there is no such page.
    """
    report = measure(watched, days, policy)
    # none of an earlier window stays beside this one's verdict
    (folder / EVIDENTLY).unlink(missing_ok=True)
    if report.columns:
        found = _draw(_Sides.of(watched.on(days).as_text(), days), report, folder / EVIDENTLY)
        told = (replace(column, psi=found.get(column.column, column.psi)) for column in report.columns)
        report = replace(report, columns=tuple(told))
    verdict = judge(report, policy)
    drift_page.write(report, verdict, policy, days.span, folder / INDEX)
    return report, verdict


def measure(watched: Watched, days: ComparedDays, policy: DriftPolicy) -> DriftReport:
    """How far the window of `days` has moved from its reference, without a page.

    Levels that the reference does not know are told apart: one of them alone would give an index above 5, whatever its
    share. A column with one value alone on either side, or none, is not measured. Where there is less than the policy
    asks for nothing is. No frame is changed.
    """
    watched = watched.on(days).as_text()
    units = days.units(watched.sessions[DAY], watched.sessions[USER])
    rows = int(units.is_current.sum())
    before, peak = len(units.cell) - rows, str(days.peak or "")
    empty = DriftReport((), watched.columns.names, before, rows, days.weeks, days.exchanges, peak)
    if lacking(empty, policy):
        return empty
    sides = _Sides.of(watched, days)
    judged = null_psi.judge(sides.counted, policy.exchange)
    names = {column.name for column in judged}
    relabelled, moved_undone = _relabelled(watched, days, policy, null_psi.moved(judged, policy.exchange))
    return replace(
        empty,
        columns=tuple(sorted(map(_told, judged), key=lambda column: (column.p_value, -column.psi))),
        unmeasured=tuple(name for name in (*watched.columns.names, *_THEMES) if name not in names),
        new_levels=_new_levels(watched, units.is_current),
        relabelled=relabelled,
        moved_undone=moved_undone,
        label_rate=sides.ratio(LABEL_RATE),
        calibration=sides.ratio(CALIBRATION),
    )


@dataclass(frozen=True)
class _Sides:
    """Every column that is measured, as values and as counts of units."""

    sessions: pd.DataFrame
    units: Units
    answers: pd.DataFrame
    counted: tuple[Counted, ...]

    @classmethod
    def of(cls, watched: Watched, days: ComparedDays) -> "_Sides":
        sessions = watched.sessions
        units = days.units(sessions[DAY], sessions[USER])
        is_varied = {name: _is_varied(sessions[name], units.is_current) for name in watched.columns.names}
        numeric = [name for name in watched.columns.numeric if is_varied[name]]
        categorical = [name for name in watched.columns.categorical if is_varied[name]]
        counted = [null_psi.numbers(name, sessions[name], units) for name in numeric]
        counted += [null_psi.levels(name, sessions[name], units) for name in categorical]
        answers = pd.DataFrame()
        if watched.answers and len(watched.answers.frame):
            answers, of_answers = _counted(watched.answers, days)
            counted += of_answers
        return cls(sessions[[*numeric, *categorical]], units, answers, tuple(counted))

    def ratio(self, name: str) -> Ratios | None:
        """What came true, as a share, on both sides; None where it is not measured."""
        found = next((column.totals for column in self.counted if column.name == name), None)
        if found is None:
            return None
        after, before = found[:, 0].sum(axis=0), found[:, 1:].sum(axis=(0, 1))
        return Ratios(float(before[0] / before[1]), float(after[0] / after[1])) if before[1] * after[1] else None


def _counted(answers: Answers, days: ComparedDays) -> tuple[pd.DataFrame, list[Counted]]:
    """The values of what answers are watched by that Evidently measures too, and the counts of all of it."""
    frame = answers.frame
    units = days.units(frame[DAY], frame[USER])
    is_true = frame[answers.label].to_numpy(dtype=np.float64)
    counted = [null_psi.ratio(LABEL_RATE, is_true, np.ones(len(frame)), units)]
    if answers.score is None:
        return pd.DataFrame(), counted
    score = answers.score(frame)
    values = pd.DataFrame({SCORE: score, "is_current": units.is_current})
    if _is_varied(values[SCORE], units.is_current):
        counted.append(null_psi.numbers(SCORE, values[SCORE], units))
    return values, [*counted, null_psi.ratio(CALIBRATION, is_true, score, units)]


def _relabelled(
    watched: Watched, days: ComparedDays, policy: DriftPolicy, moved: Sequence[str]
) -> tuple[tuple[Relabelling, ...], tuple[str, ...]]:
    """What, undone, leaves no feature and no score that moved, if both names' rows are alike; and what has even so."""
    features = [name for name in moved if name not in _THEMES]
    if not features or not set(features) <= set(watched.columns.categorical):
        return (), ()
    is_current = days.units(watched.sessions[DAY], watched.sessions[USER]).is_current
    found = [relabelling.find(name, *_shares(watched.sessions[name], is_current)) for name in features]
    likely = tuple(one for one in found if one is not None)
    if len(likely) < len(features):
        return (), ()
    left, only = _moved(watched.undone(likely), days, policy), watched.only(likely)
    of_them = days.units(only.sessions[DAY], only.sessions[USER]).is_current
    if min(of_them.sum(), (~of_them).sum()) < _ALIKE_ROWS:
        return (), ()
    if set(left) - _OF_ANSWERS or _moved(only, days, policy):
        return (), ()
    return likely, left


def _moved(watched: Watched, days: ComparedDays, policy: DriftPolicy) -> tuple[str, ...]:
    counted = _Sides.of(watched, days).counted
    return null_psi.moved(null_psi.judge(counted, policy.exchange), policy.exchange)


def _draw(sides: _Sides, report: DriftReport, page: Path) -> dict[str, float]:
    """Evidently's page of the columns, each with its own threshold, and its indices; new levels are left out."""
    thresholds = {column.column: column.threshold for column in report.columns if column.column not in _OF_ANSWERS}
    texts = [str(name) for name in sides.sessions.select_dtypes(exclude="number") if name in thresholds]
    is_new = sides.units.is_current
    reference, current = sides.sessions[~is_new], sides.sessions[is_new]
    known = {name: current[name].where(current[name].isin(reference[name].unique())) for name in texts}
    frames = [reference, current.assign(**known)]
    if SCORE in thresholds:
        of_answers = sides.answers["is_current"]
        scores = [sides.answers.loc[of_answers == is_current, [SCORE]] for is_current in (False, True)]
        frames = [pd.concat(sides_of, ignore_index=True) for sides_of in zip(frames, scores, strict=True)]
    return drift_page.draw(frames[0][list(thresholds)], frames[1][list(thresholds)], texts, thresholds, page)


def _told(judged: Judged) -> ColumnDrift:
    theme = _THEMES.get(judged.name, "feature")
    return ColumnDrift(judged.name, judged.value, judged.threshold, judged.p_value, theme)


def _shares(values: "pd.Series[str]", is_current: NDArray[np.bool_]) -> tuple[dict[str, float], dict[str, float]]:
    counted = (values[rows].value_counts(normalize=True) for rows in (~is_current, is_current))
    before, after = ({str(level): float(share) for level, share in shares.items()} for shares in counted)
    return before, after


def _new_levels(watched: Watched, is_current: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """The levels that the reference does not know, by column, with their shares of the window, the commonest first."""
    found = {}
    for name in watched.columns.categorical:
        before, after = _shares(watched.sessions[name], is_current)
        new = {level: share for level, share in after.items() if level not in {*before, MISSING}}
        found.update({name: new} if new else {})
    return found


def _is_varied(values: "pd.Series[Any]", is_current: NDArray[np.bool_]) -> bool:
    """A column that holds one value on a side tells of its source, not of visitors, and so does one without values."""
    return all(values[rows].nunique(dropna=True) > 1 for rows in (is_current, ~is_current))
