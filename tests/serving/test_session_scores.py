"""Scoring many sessions at once, and deciding about them, on a real store, registry and record."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.policy import Action, Reason
from serving.audit import AuditLog
from serving.champions import Champions
from serving.client_rules import ClientRules
from serving.clients import Clients, ClientSettings
from serving.features import FeastFeatures
from serving.following import Followed
from serving.patience import FeaturesInTime
from serving.requests import Value
from serving.session_exits import Exit, SessionExits
from serving.session_scores import Due, SessionScores
from serving.session_state import Flag, Moment
from serving.traffic import Traffic
from tests.serving.conftest import MODEL, MOMENT


@pytest.fixture(scope="module")
def champions(registry: Any, tmp_path_factory: pytest.TempPathFactory) -> Champions:
    champions = Champions(registry.tracking_uri, (MODEL,), tmp_path_factory.mktemp("scores") / "bundles")
    champions.refresh()
    return champions


@pytest.fixture(scope="module")
def online(open_store: Any) -> FeaturesInTime:
    return FeaturesInTime(FeastFeatures(open_store), deadline=30)


def rules(audit: AuditLog, **clients: ClientSettings) -> ClientRules:
    return ClientRules(audit, Followed(lambda: Clients(clients)))


@pytest.fixture(scope="module")
def scores(champions: Champions, online: FeaturesInTime, tmp_path_factory: pytest.TempPathFactory) -> SessionScores:
    """As clients that have set nothing have it."""
    audit = AuditLog(tmp_path_factory.mktemp("audit") / "decisions.sqlite")
    return SessionScores(champions, online, rules(audit), clock=lambda: MOMENT)


def due(champions: Champions, scrolls: int = 9, user: str = "known", client: str = "shop", served: bool = True) -> Due:
    profile: dict[str, Value] = {"pages_before": 3, "channel": "email"}
    return Due(
        client, champions.of(MODEL) if served else None, Moment(user, profile, {"scrolls": scrolls}, acts=scrolls)
    )


ASKED = st.tuples(st.integers(0, 9), st.sampled_from(["known", "old", "nulls", "nobody"]), st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ASKED, min_size=1, max_size=8))
def test_sessions_that_are_scored_together_get_what_each_would_get_alone(
    champions: Champions, scores: SessionScores, asked: list[tuple[int, str, bool]]
) -> None:
    batch = [due(champions, scrolls, user, served=served) for scrolls, user, served in asked]

    assert scores.score(batch) == [flag for each in batch for flag in scores.score([each])]


def test_what_was_told_of_a_session_before_this_model_served_spoils_no_score(
    champions: Champions, scores: SessionScores
) -> None:
    activity = {"scrolls": 9}
    odd = Moment("known", {"pages_before": "three", "channel": 7, "shoe": 42}, activity, acts=9)
    bare = Moment("known", {}, activity, acts=9)

    first, second = scores.score([Due("shop", champions.of(MODEL), moment) for moment in (odd, bare)])

    assert first == second


def test_a_client_s_own_threshold_goes_before_the_model_s(
    champions: Champions, online: FeaturesInTime, audit: AuditLog
) -> None:
    its_own = rules(audit, strict=ClientSettings(thresholds={MODEL: 1.0}))
    scores = SessionScores(champions, online, its_own, lambda: MOMENT)

    strict, other = scores.score([due(champions, client="strict"), due(champions)])

    assert (strict.threshold, strict.action, other.threshold, other.action) == (1.0, "nothing", 0.5, "show")
    assert strict.score == other.score


def test_the_challenger_scores_the_sessions_of_the_visitors_who_are_its_own(
    champions: Champions, online: FeaturesInTime, audit: AuditLog
) -> None:
    champion = champions.of(MODEL)
    assert champion is not None
    traffic = Traffic(challenger_of={"shop": 0.5, "other": 0.0}.__getitem__)
    scores = SessionScores(champions, online, rules(audit), traffic=traffic)
    champions._challengers[MODEL] = replace(champion, version="9", digest="9" * 64)
    try:
        of_shop = [scores.version_for("shop", f"visitor {number}") for number in range(200)]
        of_other = [scores.version_for("other", f"visitor {number}") for number in range(20)]
    finally:
        champions._challengers.clear()

    assert abs([version and version.version for version in of_shop].count("9") - 100) < 29
    assert of_other == [champion] * 20


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog(tmp_path / "decisions.sqlite") as audit:
        yield audit


FLAG = Flag(MOMENT, 2, Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0, 0.75, 0.5, "3", "0" * 64, {"scrolls": 2})


def test_what_is_done_about_a_flag_may_be_something_else_and_is_what_goes_on_record(audit: AuditLog) -> None:
    exits = SessionExits(audit, lambda: MOMENT + 9, rules=rules(audit, shop=ClientSettings(frequency_cap=0)))

    (decision,) = exits.decide([Exit("d1", "shop", MODEL, "known", FLAG)])

    audited = audit.find("d1")
    assert audited is not None
    assert (decision.action, decision.reason, decision.score) == ("nothing", "frequency_cap", 0.75)
    assert (audited.action, audited.moment, audited.decided_at) == ("nothing", MOMENT, MOMENT + 9)


def test_the_same_exit_twice_in_a_batch_and_once_more_is_one_decision(audit: AuditLog) -> None:
    exits = SessionExits(audit, lambda: MOMENT)
    first, other = Exit("d1", "shop", MODEL, "known", FLAG), Exit("d2", "shop", MODEL, None, None)

    answers = exits.decide([first, other, first])

    assert [answer.decision_id for answer in answers] == ["d1", "d2", "d1"]
    assert answers[0] == answers[2] == exits.decide([Exit("d1", "shop", MODEL, "known", None)])[0]
    assert answers[1].reason == "no_flag"
