"""Deciding for many at once, on a real store, registry and record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.answers import Decision
from serving.audit import AuditLog
from serving.champions import Champions
from serving.decisions import Asked, Decider
from serving.features import FeastFeatures
from serving.patience import FeaturesInTime
from serving.problems import RefusedError
from serving.requests import DecideRequest, Event
from tests.serving.conftest import MODEL, MOMENT

UNTRAINED = "popup_profile"


@pytest.fixture(scope="module")
def decider(registry: Any, open_store: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decider]:
    folder: Path = tmp_path_factory.mktemp("decider")
    champions = Champions(registry.tracking_uri, (MODEL, UNTRAINED), registry.folder / "bundles")
    champions.refresh()
    with AuditLog(folder / "decisions.sqlite") as audit:
        yield Decider(champions, FeaturesInTime(FeastFeatures(open_store), deadline=30), audit)


def asked(user: str = "known", model: str = MODEL, scrolls: int = 0, **profile: Any) -> Asked:
    events = tuple(Event("scroll", MOMENT - second) for second in range(scrolls))
    return Asked("shop", DecideRequest(user, MOMENT, profile, events, model))


ASKED = st.builds(
    asked,
    st.sampled_from(["known", "old", "nulls", "nobody"]),
    st.sampled_from([MODEL, MODEL, UNTRAINED, "no such model"]),
    st.integers(0, 9),
    channel=st.none() | st.sampled_from(["email", "search", "unseen"]) | st.just(7),
)


def told(answer: Decision | RefusedError) -> object:
    """What an answer says, but for its id."""
    return answer.stated if isinstance(answer, RefusedError) else msgspec.structs.replace(answer, decision_id="")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ASKED, min_size=1, max_size=8))
def test_who_is_decided_for_together_gets_what_each_would_get_alone(decider: Decider, batch: list[Asked]) -> None:
    together = [told(answer) for answer in decider.decide(batch)]
    assert together == [told(answer) for each in batch for answer in decider.decide([each])]


def test_models_and_refusals_in_one_batch_each_have_their_place(decider: Decider) -> None:
    batch = [asked(scrolls=9), asked(model=UNTRAINED), asked(channel=7), asked("nobody"), asked(model="best")]

    shown, untrained, wrong, unknown, no_model = decider.decide(batch)

    assert isinstance(shown, Decision)
    assert isinstance(untrained, Decision)
    assert isinstance(unknown, Decision)
    assert (shown.action, untrained.reason) == ("show", "no_champion")
    assert unknown.features_missing == ("pages_before", "channel", "spend_usd", "purchases")
    assert isinstance(wrong, RefusedError)
    assert isinstance(no_model, RefusedError)
    assert (wrong.stated.field, no_model.stated.field) == ("profile.channel", "model")


def test_each_decision_of_a_batch_is_on_record_under_an_id_of_its_own(decider: Decider) -> None:
    batch = [asked("known"), asked("nobody"), asked(model=UNTRAINED)]

    answers = [answer for answer in decider.decide(batch) if isinstance(answer, Decision)]

    found = [decider.audit.find(answer.decision_id) for answer in answers]
    assert [each and each.user_pseudo_id for each in found] == ["known", "nobody", "known"]
    assert len({answer.decision_id for answer in answers}) == len(batch)
