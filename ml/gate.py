"""Whether a version may decide over visitors: a pure rule."""

from dataclasses import dataclass
from math import isnan

from ml.evaluation import Scorecard
from ml.segment_choice import STABILITY_FLOOR
from ml.segments import SegmentReport
from ml.stage_evaluation import StageFigures
from ml.versions import ChampionVersion

WHOLE_SESSIONS = 0.5
USERS_KEPT = 0.5

_BY_HAND = "The alias champion in MLflow, moved by hand, takes the new segments all the same."


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
