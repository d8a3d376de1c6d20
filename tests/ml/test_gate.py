from dataclasses import replace

import numpy as np
import pytest

from ml import segments
from ml.evaluation import Outcomes, scorecard
from ml.gate import GateOutcome, judge, judge_segments, may_stay
from ml.intervals import Interval
from ml.versions import ChampionVersion
from tests.ml.segment_users import COLUMNS, DAY, SPEC, users


@pytest.mark.parametrize(("low", "is_passed"), [(0.49, False), (0.5, False), (0.51, True), (float("nan"), False)])
def test_a_version_passes_when_its_interval_lies_above_chance(low: float, is_passed: bool) -> None:
    rng = np.random.default_rng(0)
    target = rng.random(200) < 0.2
    outcomes = Outcomes(target, rng.random(200), np.arange(200))
    card = replace(scorecard(outcomes, 0.5, 0.5, seed=1, resamples=20), roc_auc=Interval(0.7, low, 0.9))

    assert judge(card, whole_sessions=1.0).is_passed == is_passed


def test_figures_on_broken_sessions_pass_nothing() -> None:
    target = np.arange(200) < 40
    card = scorecard(Outcomes(target, target.astype(float), np.arange(200)), 0.5, 0.5, seed=1, resamples=20)

    assert judge(card, whole_sessions=1.0).is_passed
    assert not judge(card, whole_sessions=0.08).is_passed
    assert not judge(card, whole_sessions=float("nan")).is_passed


@pytest.mark.parametrize(
    ("event", "contract", "stays"), [("e", "c", True), ("other", "c", False), ("e", "other", False)]
)
def test_a_champion_stays_while_event_and_contract_are_its_own(event: str, contract: str, stays: bool) -> None:
    champion = ChampionVersion("m", "1", "digest", "run", {"conversion_event": "e", "contract": "c"})

    assert may_stay(champion, event, contract) == stays
    assert not may_stay(None, event, contract)


def _judge_segments(
    stability: float, kept: float, whole_sessions: float = 1.0, has_followers: bool = True
) -> GateOutcome:
    _, report = segments.fit(replace(SPEC, sizes=(3,), resamples=2), users(60), COLUMNS, DAY)
    found = replace(
        report,
        size=replace(report.size, stability=stability),
        continuity=replace(report.continuity, kept=kept),
    )
    return judge_segments(found, whole_sessions, has_followers)


@pytest.mark.parametrize(
    ("stability", "kept", "has_followers", "is_passed"),
    [
        (0.65, 0.5, True, True),
        (0.64, 1.0, True, False),
        (0.9, 0.49, True, False),
        (0.9, 0.49, False, True),
        (0.9, float("nan"), False, True),
        (0.9, float("nan"), True, False),
        (float("nan"), 1.0, True, False),
    ],
)
def test_segments_pass_when_they_are_found_again_and_most_users_keep_theirs(
    stability: float, kept: float, has_followers: bool, is_passed: bool
) -> None:
    assert _judge_segments(stability, kept, has_followers=has_followers).is_passed == is_passed


def test_a_refusal_of_segments_says_by_how_much() -> None:
    assert "adjusted Rand index of 0.41, and 0.65 is asked for" in _judge_segments(0.41, 1.0).reason
    assert "12% of the users keep their segment, and 50% is asked for" in _judge_segments(0.9, 0.12).reason
    assert "the segments before can't be read. `tactful models promote`" in _judge_segments(0.9, float("nan")).reason
    assert "sample of events" in _judge_segments(0.9, 1.0, whole_sessions=0.08).reason
    assert "there are no sessions" in _judge_segments(0.9, 1.0, whole_sessions=float("nan")).reason
