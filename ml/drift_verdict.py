"""What a drift report comes to: pure rules over figures, and the sentence that says why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from ml.null_psi import Exchange
from ml.reference import LEAST_WEEKS
from ml.relabelling import Relabelling

NOTABLE_SHARE = 0.01
"""From this share of the rows on, new levels are told of in the verdict's reason."""

IN_A_ROW = timedelta(days=7)
"""Windows that lie further apart tell of two moves rather than of one that lasts."""

Theme = Literal["feature", "score", "label_rate", "calibration"]


class Verdict(StrEnum):
    """What a drift report comes to."""

    STABLE = "stable"
    DRIFT = "drift"
    LABEL_SHIFT = "label_shift"
    RELABELLING_SUSPECTED = "relabelling_suspected"
    NOT_ENOUGH_DATA = "not_enough_data"


MOVED = (Verdict.DRIFT, Verdict.LABEL_SHIFT)
"""The verdicts that ask for retraining."""


@dataclass(frozen=True)
class ColumnDrift:
    """How far a column has moved, the value above which chance does not explain it, and how likely chance is.

    `psi` is the population stability index; of the label rate and the calibration, the squared difference of their
    square roots. The `p_value` is adjusted for all columns together.
    """

    column: str
    psi: float
    threshold: float
    p_value: float
    theme: Theme = "feature"

    def has_moved(self, alpha: float) -> bool:
        """Whether it has moved, at a chance `alpha` of any false alarm."""
        return self.p_value <= alpha


@dataclass(frozen=True)
class Ratios:
    """What came true, as a share of something, in the reference and in the window."""

    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.before:.3g} before, {self.after:.3g} now"


@dataclass(frozen=True)
class DriftReport:
    """The columns that could be measured, the least likely to be chance first; `unmeasured` ones could not.

    `weeks` is how many days stand against each of the window, and `exchanges` in how many ways they can take its place.
    `new_levels` are those that the reference does not know, by column, with their shares of the window, the commonest
    first; they are no part of an index. `relabelled` is what, undone, leaves no feature and no score that moved;
    `moved_undone` is what has moved even so. `label_rate` is that of the rows with an answer, `calibration` what came
    true as a share of what was expected to.
    """

    columns: tuple[ColumnDrift, ...]
    unmeasured: tuple[str, ...]
    reference_rows: int
    current_rows: int
    weeks: int
    exchanges: int
    peak: str = ""
    new_levels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    relabelled: tuple[Relabelling, ...] = ()
    moved_undone: tuple[str, ...] = ()
    label_rate: Ratios | None = None
    calibration: Ratios | None = None

    @property
    def p_value(self) -> float:
        """How likely chance alone makes anything move as far as what has moved farthest."""
        return min((column.p_value for column in self.columns), default=1.0)


@dataclass(frozen=True)
class DriftPolicy:
    """When there is enough to judge by: rows on each side.

    `exchange` holds the chance of a false alarm.
    """

    min_rows: int = 1_000
    exchange: Exchange = field(default_factory=Exchange)


@dataclass(frozen=True)
class DriftVerdict:
    """A verdict, the columns that gave it, and the sentence that says why."""

    verdict: Verdict
    drifted: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Told:
    """A verdict on the window from `first` to `last`."""

    first: date
    last: date
    verdict: Verdict


def judge(report: DriftReport, policy: DriftPolicy) -> DriftVerdict:
    """The verdict that a policy gives on a report."""
    if why := lacking(report, policy) or _unmeasured(report):
        return DriftVerdict(Verdict.NOT_ENOUGH_DATA, (), why)
    alpha = policy.exchange.alpha
    moved = [column for column in report.columns if column.has_moved(alpha)]
    names = tuple(column.column for column in moved)
    told = " ".join([_told(report, moved, alpha), *_apart(report)])
    if report.relabelled:
        guess = (
            f"{'; '.join(map(str, report.relabelled))}: taken as one, no feature has moved, and their rows look alike."
        )
        if report.moved_undone:
            return DriftVerdict(Verdict.LABEL_SHIFT, report.moved_undone, f"Visitors answer otherwise. {guess} {told}")
        return DriftVerdict(Verdict.RELABELLING_SUSPECTED, names, f"{guess} {told}")
    if any(column.theme in ("feature", "score") for column in moved):
        return DriftVerdict(Verdict.DRIFT, names, told)
    if moved:
        return DriftVerdict(Verdict.LABEL_SHIFT, names, f"Visitors look as before, and answer otherwise. {told}")
    return DriftVerdict(Verdict.STABLE, (), told)


def drifted_on(told: Iterable[Told]) -> date | None:
    """The first day of a move that lasts; None where the newest window has not moved, or the one before it had not.

    Windows that share days tell of the same rows, so that the one before is the newest that ended before it began, by
    IN_A_ROW at most. The move began after the last window that was stable.
    """
    newest_first = sorted(told, key=lambda one: one.last, reverse=True)
    if not newest_first:
        return None
    newest = newest_first[0]
    before = next((one for one in newest_first if one.last < newest.first), None)
    if before is None or newest.first - before.last > IN_A_ROW:
        return None
    if not all(one.verdict in MOVED for one in (newest, before)):
        return None
    still = next((one for one in newest_first if one.last < before.last and one.verdict is Verdict.STABLE), None)
    return still.last + timedelta(days=1) if still else newest_first[-1].first


def lacking(report: DriftReport, policy: DriftPolicy) -> str:
    """What there is not enough of to measure by a policy; empty where there is."""
    season = f" in the peak {report.peak}" if report.peak else ""
    if report.weeks < LEAST_WEEKS:
        return (
            f"{report.weeks} earlier days for each day of the window are of its weekday{season}; "
            f"{LEAST_WEEKS} are needed."
        )
    if report.exchanges * policy.exchange.alpha < 1:
        return f"The window's days{season} can be exchanged in {report.exchanges} ways, too few to tell chance by."
    if min(report.reference_rows, report.current_rows) < policy.min_rows:
        return (
            f"{report.current_rows:,} new rows against {report.reference_rows:,}{season}; "
            f"{policy.min_rows:,} rows on each side are needed."
        )
    return ""


def _unmeasured(report: DriftReport) -> str:
    return "" if report.columns else "No column holds two values on both sides, so that none can be measured."


def _told(report: DriftReport, moved: list[ColumnDrift], alpha: float) -> str:
    rows = f"{report.current_rows:,} rows against {report.reference_rows:,}"
    farthest = report.columns[0]
    if not moved:
        return (
            f"None of {len(report.columns)} columns has moved farther than chance explains, on {rows}; "
            f"{_figures(report, farthest)}, and up to {alpha:g} counts."
        )
    return f"{len(moved)} of {len(report.columns)} columns have moved, on {rows}; {_figures(report, farthest)}."


def _figures(report: DriftReport, column: ColumnDrift) -> str:
    chance = f"(p = {column.p_value:.2g} over all columns)"
    if column.theme == "label_rate":
        return f"the label rate is farthest off, {report.label_rate} {chance}"
    if column.theme == "calibration":
        return f"conversions as a share of those expected are farthest off, {report.calibration} {chance}"
    bound = f"PSI {column.psi:.4f} where chance gives up to {column.threshold:.4f}"
    return f"{column.column} is farthest off, {bound} {chance}"


def _apart(report: DriftReport) -> list[str]:
    """What is no part of the verdict, and should be known."""
    found = [
        f"{column} {level!r} ({share:.0%})"
        for column, levels in report.new_levels.items()
        for level, share in levels.items()
        if share >= NOTABLE_SHARE
    ]
    unmeasured = ", ".join(report.unmeasured)
    return [
        *([f"New levels: {', '.join(found)}."] if found else []),
        *(
            [f"Not measured, since there is no champion to score by, or a side holds one value or none: {unmeasured}."]
            if unmeasured
            else []
        ),
    ]
