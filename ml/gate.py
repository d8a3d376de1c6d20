"""Whether a version may decide over visitors: a pure rule."""

from dataclasses import dataclass
from math import isnan

from ml.comparison import Comparison
from ml.evaluation import Scorecard
from ml.intervals import Interval
from ml.segment_choice import STABILITY_FLOOR
from ml.segments import SegmentReport
from ml.shadow import ShadowReport
from ml.stage_evaluation import StageFigures
from ml.versions import ChampionVersion

WHOLE_SESSIONS = 0.5
USERS_KEPT = 0.5

IMPRESSION_TOLERANCE = 0.05
"""How far the share of rows that a version shows may lie above the impression budget, which held on training rows."""

GROUP_LIMIT = 0.05
"""How much of its ROC-AUC a group of visitors may lose to what is better for all."""

CALIBRATION_GAIN = 0.1
"""How much less a challenger's calibration error must be, as a share of the rows that convert, to count as a gain."""

RECALL_LIMIT = 0.1
"""How many of the conversions that it showed a version may let go, at its threshold, for showing fewer visitors."""

LEAST_POSITIVES = 10
"""Positives without which two versions are not compared."""

_BY_HAND = "`tactful models promote` takes the new segments all the same."


@dataclass(frozen=True)
class GateOutcome:
    """Whether a version passed, and the sentence that says why."""

    is_passed: bool
    reason: str


def judge(scorecard: Scorecard, whole_sessions: float) -> GateOutcome:
    """A version passes when its data hold whole sessions, and the test days show that it ranks better than chance."""
    data = judge_data(whole_sessions)
    if not data.is_passed:
        return data
    auc = f"ROC-AUC on {scorecard.positives} positives among {scorecard.rows:,} test rows is {scorecard.roc_auc}"
    if scorecard.cannot_tell:
        return GateOutcome(False, f"Cannot tell from chance: {auc}.")
    return GateOutcome(True, f"Better than chance: {auc}.")


def judge_impressions(share: Interval, budget: float) -> GateOutcome:
    """A version that decides passes unless it surely shows more than the impression budget bears."""
    shown = f"it shows {share.value:.0%} of the test rows, and the impression budget is {budget:.0%}"
    if share.low > budget + IMPRESSION_TOLERANCE:
        return GateOutcome(False, f"Shows too many: {shown}, by {IMPRESSION_TOLERANCE:.0%} at most above it.")
    return GateOutcome(True, f"Within the budget: {shown}.")


def judge_against(comparison: Comparison | None, decides: bool) -> GateOutcome:
    """A challenger passes where it is surely better than the champion, and surely worse in nothing that counts.

    Better is one that ranks better, or whose probabilities are nearer to what comes true: after a drift of levels,
    ranks stay and thresholds are wrong. Whatever the rows can't tell leaves the champion where it is, and so does what
    is sure and too little to tell of.
    """
    if comparison is None or comparison.positives < LEAST_POSITIVES:
        seen = comparison.positives if comparison else 0
        return GateOutcome(
            False,
            f"Cannot tell from the champion: {seen} positives among rows that neither learnt from, and "
            f"{LEAST_POSITIVES} are asked for.",
        )
    if worse := _worse(comparison, decides):
        return GateOutcome(False, f"Worse than the champion: {worse} on {comparison.rows:,} rows that neither saw.")
    ranks = f"ROC-AUC differs by {comparison.roc_auc} on {comparison.rows:,} rows that neither saw"
    if comparison.roc_auc.low > 0:
        return GateOutcome(True, f"Better than the champion: {ranks}.")
    least = CALIBRATION_GAIN * comparison.positives / comparison.rows
    if comparison.calibration_error.high < -least:
        misses = f"calibration error differs by {comparison.calibration_error}"
        return GateOutcome(True, f"Better calibrated than the champion: {misses}, and {ranks}.")
    return GateOutcome(False, f"Cannot tell from the champion: {ranks}.")


def _worse(comparison: Comparison, decides: bool) -> str | None:
    """In what a challenger is worse by more than chance; None if it is in nothing."""
    if comparison.roc_auc.high < 0:
        return f"ROC-AUC by {comparison.roc_auc}"
    if decides and comparison.recall_within_budget.high < 0:
        return f"recall within the impression budget by {comparison.recall_within_budget}"
    if decides and comparison.recall.high < -RECALL_LIMIT:
        return f"recall at its threshold by {comparison.recall}"
    if comparison.calibration_error.low > 0:
        return f"calibration error by {comparison.calibration_error}"
    lost = {name: group for name, group in comparison.groups.items() if group.value < -GROUP_LIMIT and group.high < 0}
    if lost:
        name, group = min(lost.items(), key=lambda pair: pair[1].value)
        return f"ROC-AUC of {name} by {group}, more than {GROUP_LIMIT}"
    return None


def judge_shadow(report: ShadowReport, budget: float) -> GateOutcome:
    """A challenger passes that scores all that was decided, and shows no more of it than the budget bears."""
    if report.failed:
        return GateOutcome(False, f"In the shadow it fails on {report.failed:,} of {report.rows:,} {report.kind}.")
    if report.challenger_share > budget + IMPRESSION_TOLERANCE:
        return GateOutcome(
            False, f"In the shadow it shows {report.challenger_share:.0%}, and the impression budget is {budget:.0%}."
        )
    return GateOutcome(True, f"In the shadow it scores {report.rows:,} {report.kind}: {report.told}.")


def judge_guard(comparison: Comparison | None) -> GateOutcome:
    """A champion passes unless it is surely worse than the one before it since it took over."""
    if comparison is None or comparison.positives < LEAST_POSITIVES:
        seen = comparison.positives if comparison else 0
        return GateOutcome(True, f"Cannot tell yet: {seen} positives since then, and {LEAST_POSITIVES} are asked for.")
    differs = (
        f"ROC-AUC by {comparison.roc_auc}, recall within the impression budget by {comparison.recall_within_budget}, "
        f"at its threshold by {comparison.recall}, on {comparison.rows:,} rows since then"
    )
    ranks_worse = comparison.roc_auc.high < 0 or comparison.recall_within_budget.high < 0
    if ranks_worse or comparison.recall.high < -RECALL_LIMIT:
        return GateOutcome(False, f"Worse than the champion before it: {differs}.")
    return GateOutcome(True, f"Not worse than the champion before it: {differs}.")


def judge_stages(figures: StageFigures, whole_sessions: float) -> GateOutcome:
    """Stages pass when data hold whole sessions, and more is told apart than by always naming the commonest stage."""
    data = judge_data(whole_sessions)
    if not data.is_passed:
        return data
    chance = figures.chance
    recall = f"macro recall on {figures.rows:,} test rows is {figures.macro_recall}, and {chance:.3f} then"
    if figures.cannot_tell:
        return GateOutcome(False, f"Cannot tell from always naming the commonest stage: {recall}.")
    return GateOutcome(True, f"Better than always naming the commonest stage: {recall}.")


def judge_data(whole_sessions: float) -> GateOutcome:
    """Data pass when most sessions hold the `session_start` that GA4 begins each one with; NaN where there are none.

    Where they do not, the export is a sample of events: what is missing from a session then looks like behaviour, and
    figures on it may be excellent and mean nothing.
    """
    if isnan(whole_sessions):
        return GateOutcome(False, "Cannot be trusted: there are no sessions.")
    share = f"{whole_sessions:.0%} of the sessions hold their session_start"
    if not whole_sessions >= WHOLE_SESSIONS:
        return GateOutcome(False, f"Cannot be trusted: {share}, so the export looks like a sample of events.")
    return GateOutcome(True, f"Data are whole: {share}.")


def judge_segments(report: SegmentReport, whole_sessions: float, has_followers: bool) -> GateOutcome:
    """Segments pass when their data do, they are found again in resampled users, and most users keep theirs.

    The last is not asked where nobody follows the segments before: there are none, or they read another contract. Where
    they can't be read, nobody knows who keeps theirs, and nothing passes.
    """
    data = judge_data(whole_sessions)
    if not data.is_passed:
        return data
    size, kept = report.size, report.continuity.kept
    found_again = f"groupings of resampled users agree by an adjusted Rand index of {size.stability:.2f}"
    if not size.is_stable:
        return GateOutcome(False, f"Cannot be trusted: {found_again}, and {STABILITY_FLOOR} is asked for.")
    if has_followers and isnan(kept):
        return GateOutcome(False, f"Cannot be compared: the segments before can't be read. {_BY_HAND}")
    if has_followers and not kept >= USERS_KEPT:
        share = f"{kept:.0%} of the users keep their segment"
        return GateOutcome(False, f"Would move too many: {share}, and {USERS_KEPT:.0%} is asked for. {_BY_HAND}")
    moved = f", and {kept:.0%} of the users keep their segment" if has_followers else ""
    return GateOutcome(True, f"Found again: {found_again}{moved}.")


def may_stay(champion: ChampionVersion | None, conversion_event: str, contract_checksum: str) -> bool:
    """A champion decides on where a version did not pass, if it learnt the same event from the same contract."""
    learnt = (champion.tags["conversion_event"], champion.tags["contract"]) if champion else None
    return learnt == (conversion_event, contract_checksum)
