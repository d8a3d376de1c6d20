"""A challenger beside the champion: on record, and without a say."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.bundle import Bundle, Calibration
from serving.answers import Decision
from serving.audit import AuditLog, AuditUnavailableError, ShadowScore
from serving.champions import Champion, Champions
from serving.decisions import Asked, Decider
from serving.features import FeastFeatures
from serving.patience import FeaturesInTime
from serving.requests import Value
from serving.shadow import NAP, Shadow
from serving.traffic import Traffic
from tests.serving.conftest import MODEL
from tests.serving.test_audit import DECISION
from tests.serving.test_decisions import ASKED, asked, told

OPPOSITE = Calibration(-1.0, 0.0)
ROWS: dict[str, list[Value]] = {
    "pages_before": [1],
    "channel": ["email"],
    "scrolls": [2],
    "spend_usd": [None],
    "purchases": [None],
}
IDS = ["00000000-0000-4000-8000-000000000000"]


class Odd:
    """A booster that does what it is told in the place of predicting."""

    def __init__(self, act: Callable[[int], Any]) -> None:
        self.act = act

    def inplace_predict(self, matrix: np.ndarray, **_: Any) -> Any:
        return self.act(len(matrix))


@pytest.fixture(scope="module")
def new_decider(registry: Any, open_store: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    online = FeaturesInTime(FeastFeatures(open_store), deadline=30)

    def made(challenger: Bundle | None, traffic: Traffic | None = None) -> Decider:
        folder: Path = tmp_path_factory.mktemp("decider")
        champions = Champions(registry.tracking_uri, (MODEL, "popup_profile"), registry.folder / "bundles")
        champions.refresh()
        if challenger is not None:
            champions._challengers[MODEL] = served(challenger)
        decider = Decider(champions, online, AuditLog(folder / "decisions.sqlite"), traffic)
        # busy cores may let a sound challenger wait
        decider.shadow.patience = 30
        return decider

    with online:
        yield made


def served(bundle: Bundle) -> Champion:
    return Champion("9", "9" * 64, bundle, 0.5)


@pytest.fixture(scope="module")
def alone(new_decider: Callable[..., Decider]) -> Decider:
    return new_decider(None)


@pytest.fixture(scope="module")
def beside(new_decider: Callable[..., Decider], trained: Bundle) -> Decider:
    return new_decider(replace(trained, calibration=OPPOSITE))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ASKED, min_size=1, max_size=6))
def test_a_challenger_changes_no_answer(alone: Decider, beside: Decider, batch: list[Asked]) -> None:
    assert [told(answer) for answer in beside.decide(batch)] == [told(answer) for answer in alone.decide(batch)]


def test_what_it_says_of_a_decision_is_on_record_with_it(beside: Decider, trained: Bundle) -> None:
    high, nobody, untrained = beside.decide([asked(scrolls=9), asked("nobody"), asked(model="popup_profile")])
    for answer in (high, nobody):
        assert isinstance(answer, Decision)
        assert answer.score is not None
        # the calibration is turned round
        shadow = ShadowScore(answer.decision_id, "9", "9" * 64, pytest.approx(1 - answer.score), 0.5)  # type: ignore[arg-type]
        assert beside.audit.find_shadow(answer.decision_id) == shadow
    assert isinstance(untrained, Decision)
    assert beside.audit.find_shadow(untrained.decision_id) is None


def raising(_: int) -> Any:
    raise RuntimeError("out of order")


def giving_nothing(rows: int) -> Any:
    return np.full(rows, np.nan)


@pytest.mark.parametrize("act", [raising, giving_nothing])
def test_one_that_fails_changes_no_answer_and_has_no_score(
    new_decider: Any, alone: Decider, trained: Bundle, act: Callable[[int], Any]
) -> None:
    decider = new_decider(replace(trained, booster=Odd(act)))
    batch = [asked(scrolls=9), asked("nobody")]
    answers = decider.decide(batch)
    assert [told(answer) for answer in answers] == [told(answer) for answer in alone.decide(batch)]
    assert [decider.audit.find_shadow(answer.decision_id).score for answer in answers] == [None, None]


def test_one_that_hangs_is_waited_for_once_and_left_alone(
    new_decider: Any, alone: Decider, trained: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on, batches = threading.Event(), 0

    def hang(rows: int) -> Any:
        nonlocal batches
        batches += 1
        goes_on.wait(60)
        return np.zeros(rows)

    decider = new_decider(replace(trained, booster=Odd(hang)))
    decider.shadow.patience, now = 0.01, 0.0
    decider.shadow.clock = lambda: now
    try:
        answers = [answer for _ in range(3) for answer in decider.decide([asked(scrolls=9)])]
    finally:
        goes_on.set()
    (expected,) = alone.decide([asked(scrolls=9)])
    assert [told(answer) for answer in answers] == [told(expected)] * 3
    assert [decider.audit.find_shadow(answer.decision_id).score for answer in answers] == [None] * 3
    assert sum("later than the champion" in message for message in caplog.messages) == 1
    assert batches == 1

    now, decider.shadow.patience = NAP, 30
    (answer,) = decider.decide([asked(scrolls=9)])
    assert decider.audit.find_shadow(answer.decision_id).score == 0.5


def test_one_that_reads_other_features_is_not_asked(trained: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    champion, other = served(trained), served(replace(trained, features=trained.features[1:]))
    shadow = Shadow(1.0)
    assert [shadow.begin(other, champion, ROWS, IDS)() for _ in range(2)] == [[], []]
    assert [message.split(": ")[1] for message in caplog.messages] == ["it reads other features than the champion."]


def test_only_a_share_of_the_decisions_is_scored_beside(new_decider: Any, trained: Bundle) -> None:
    decider = new_decider(trained, Traffic(shadow_share=0.25))
    answers = decider.decide([asked(f"visitor {number}") for number in range(400)])
    scored = [answer for answer in answers if decider.audit.find_shadow(answer.decision_id)]
    # four standard errors of a quarter of 400
    assert abs(len(scored) - 100) < 35


def test_decisions_and_what_was_said_beside_them_are_on_record_together_or_not_at_all(tmp_path: Path) -> None:
    said = ShadowScore(DECISION.decision_id, "9", "9" * 64, 0.25, 0.5)
    with AuditLog(tmp_path / "decisions.sqlite") as audit:
        with pytest.raises(AuditUnavailableError):
            audit.append([DECISION], [said, said])
        assert audit.find(DECISION.decision_id) is None

        audit.append([DECISION], [said])
        assert audit.find_shadow(DECISION.decision_id) == said


def test_a_share_of_visitors_is_decided_for_by_the_challenger_and_stays_with_it(
    new_decider: Any, trained: Bundle
) -> None:
    shares = {"shop": 0.5, "other": 0.0}
    decider = new_decider(replace(trained, calibration=OPPOSITE), Traffic(challenger_of=shares.__getitem__))
    batch = [asked(f"visitor {number}", scrolls=9) for number in range(200)]

    first, second = (
        {each.request.user_pseudo_id: answer.model.version for each, answer in zip(batch, answers, strict=True)}
        for answers in (decider.decide(batch), decider.decide(batch[::-1])[::-1])
    )
    assert first == second
    assert abs(list(first.values()).count("9") - 100) < 29
    answers = decider.decide(batch)
    assert {answer.action for answer in answers if answer.model.version == "9"} == {"nothing"}
    assert {answer.action for answer in answers if answer.model.version != "9"} == {"show"}
    for answer in answers:
        assert (decider.audit.find_shadow(answer.decision_id) is None) == (answer.model.version == "9")

    others = decider.decide([msgspec.structs.replace(each, client="other") for each in batch])
    assert "9" not in {answer.model.version for answer in others}


def test_without_a_champion_the_challenger_decides_for_nobody(new_decider: Any, trained: Bundle) -> None:
    decider = new_decider(None, Traffic(challenger_of=lambda _: 1.0))
    decider.champions._challengers["popup_profile"] = served(trained)
    (answer,) = decider.decide([asked(model="popup_profile")])
    assert answer.reason == "no_champion"


def test_a_challenger_that_reads_other_features_decides_for_nobody_and_that_is_told_once(
    new_decider: Any, trained: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(trained, features=tuple(each for each in trained.features if each.name != "channel"))
    decider = new_decider(other, Traffic(challenger_of=lambda _: 1.0))

    answers = [*decider.decide([asked(channel="email")] * 3), *decider.decide([asked(channel="email")])]

    assert {answer.model.version for answer in answers} == {"1"}
    told_of = [line for line in caplog.messages if "decides for nobody" in line]
    assert told_of == [f"Challenger {MODEL} 9 decides for nobody: it reads other features than the champion."]


def test_the_action_of_a_client_that_explores_has_its_probability_on_record(new_decider: Any, alone: Decider) -> None:
    shares = {"shop": 0.4, "other": 0.0}
    decider = new_decider(None, Traffic(exploration_of=shares.__getitem__))
    batch = [asked(scrolls=9) for _ in range(300)]

    answers = decider.decide(batch)
    shown = [answer for answer in answers if answer.action == "show"]
    hidden = [answer for answer in answers if answer.action == "nothing"]

    assert {answer.action_probability for answer in shown} == {0.8}
    assert {(answer.action_probability, answer.reason) for answer in hidden} == {(0.2, "explored")}
    assert {answer.reason for answer in shown} == {"explored", "score_at_or_above_threshold"}
    # four standard errors of a fifth of 300
    assert abs(len(hidden) - 60) < 28
    assert decider.audit.find(hidden[0].decision_id).action_probability == 0.2

    (other,) = decider.decide([msgspec.structs.replace(batch[0], client="other")])
    assert told(other) == told(*alone.decide(batch[:1]))
    (left_alone,) = decider.decide([asked(model="popup_profile")])
    assert (left_alone.reason, left_alone.action_probability) == ("no_champion", 1.0)


def test_the_challenger_is_followed_and_a_bad_one_touches_no_champion(
    registry: Any, trained: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = "followed"
    followed = Champions(registry.tracking_uri, [model], tmp_path)

    def versions() -> list[str | None]:
        followed.refresh()
        champion, challenger = followed.of(model), followed.challenger_of(model)
        return [each.version if each else None for each in (champion, challenger)]

    registry.register(trained, model)
    assert versions() == ["1", None]
    registry.register(replace(trained, calibration=OPPOSITE), model, alias="challenger")
    assert versions() == ["1", "2"]
    registry.register(trained, model, digest="f" * 64, alias="challenger")
    assert versions() == ["1", "2"]
    assert caplog.messages[0].startswith(f"No new challenger of {model}: Version 3 can't be loaded. Bundle file")
    registry.client.set_registered_model_alias(model, "champion", "2")
    assert versions() == ["2", "2"]
    registry.client.set_registered_model_alias(model, "challenger", "2")
    assert versions() == ["2", None]
    registry.client.set_registered_model_alias(model, "challenger", "1")
    assert versions() == ["2", "1"]
    registry.client.delete_registered_model_alias(model, "challenger")
    assert versions() == ["2", None]
    assert len(caplog.messages) == 1
