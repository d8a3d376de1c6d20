"""Feedback: told once or often it is on record once, and nothing that contradicts it."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ml.policy import Action
from serving.audit import AuditLog
from serving.problems import RefusedError
from serving.rewards import Reward, Rewards, RewardTaken, Told
from tests.serving.test_app import asked
from tests.serving.test_audit import DECISION
from tests.serving.test_sessions import leave, live, scrolls, send

DECIDED = DECISION.decided_at
SECOND = 1_000_000
DAY = 86_400 * SECOND
LEFT_ALONE = msgspec.structs.replace(DECISION, decision_id="d2", action=Action.NOTHING)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog(tmp_path / "decisions.sqlite") as audit:
        audit.append([DECISION, LEFT_ALONE])
        yield audit


def tell(audit: AuditLog, *rewards: Reward, decision: str = "d1", client: str = "shop", now: int = 0) -> list[Any]:
    """What each of `rewards` is answered, told in one batch a second after the decision or at `now`: code or row."""
    told = [Told(client, decision, reward) for reward in rewards]
    answers = Rewards(audit, lambda: now or DECIDED + SECOND).record(told)
    return [answer.stated.code if isinstance(answer, RefusedError) else answer for answer in answers]


def rows(audit: AuditLog) -> list[tuple[Any, ...]]:
    with audit.opened() as connection:
        return list(connection.execute("select decision_id, kind, at from rewards order by rowid"))


@pytest.mark.parametrize("at", [DECIDED, DECIDED + 1, None])
def test_what_is_told_again_is_on_record_once(audit: AuditLog, at: int | None) -> None:
    first, again = tell(audit, Reward("clicked", at), Reward("clicked", at))
    (later,) = tell(audit, Reward("clicked", at), now=DECIDED + DAY)

    assert first == again == later == RewardTaken("d1", "clicked", at or DECIDED + SECOND, retimed=False)
    assert rows(audit) == [("d1", "clicked", first.at)]


def test_a_pop_up_is_shown_closed_clicked_and_converts_each_on_record(audit: AuditLog) -> None:
    tell(audit, Reward("shown"), Reward("clicked"), Reward("closed"), Reward("converted"))

    assert [kind for _, kind, _ in rows(audit)] == ["shown", "clicked", "closed", "converted"]


@pytest.mark.parametrize(
    ("decision", "client", "reward", "code"),
    [
        pytest.param("d9", "shop", Reward("shown"), "E_NO_DECISION", id="R14-unknown"),
        pytest.param("d1", "blog", Reward("shown"), "E_NO_DECISION", id="R14-foreign"),
        pytest.param("d1", "shop", Reward("converted", DECIDED + 2), "E_CONFLICT", id="R14-rewarded-otherwise"),
        pytest.param("d2", "shop", Reward("shown"), "E_CONFLICT", id="R14-shown-though-left-alone"),
        pytest.param("d1", "shop", Reward("shown", DECIDED - 1), "E_FIELD", id="R14-before-its-decision"),
    ],
)
def test_r14_what_can_not_be_is_refused_and_leaves_no_trace(
    audit: AuditLog, decision: str, client: str, reward: Reward, code: str
) -> None:
    tell(audit, Reward("converted", DECIDED + 1))
    before = rows(audit)

    assert tell(audit, reward, decision=decision, client=client) == [code]
    assert rows(audit) == before


def test_r11_who_tells_of_another_s_decision_is_named_in_the_log(
    audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    tell(audit, Reward("shown"), decision="d9", client="blog")
    assert caplog.messages == []
    tell(audit, Reward("shown"), client="blog")
    assert caplog.messages == ["security: client blog told of a decision that is not its own"]


def test_who_is_left_alone_may_convert_all_the_same(audit: AuditLog) -> None:
    tell(audit, Reward("converted"), decision="d2")

    assert rows(audit) == [("d2", "converted", DECIDED + SECOND)]


def test_r16_a_time_to_come_is_taken_as_ours_and_flagged_and_told_again_it_is_the_same(audit: AuditLog) -> None:
    to_come = Reward("shown", DECIDED + DAY)

    first, again = tell(audit, to_come, to_come)

    assert first == again == RewardTaken("d1", "shown", DECIDED + SECOND, retimed=True)


def test_f25_where_our_clock_was_set_back_a_reward_is_not_before_its_decision(audit: AuditLog) -> None:
    (taken,) = tell(audit, Reward("shown"), now=DECIDED - DAY)

    assert (taken.at, taken.retimed) == (DECIDED, False)


@pytest.mark.parametrize(
    "statement", ["update rewards set at = 0", "delete from rewards", "replace into rewards select * from rewards"]
)
def test_a_reward_is_never_changed(audit: AuditLog, statement: str) -> None:
    tell(audit, Reward("shown"))
    with closing(sqlite3.connect(audit.file)) as other, pytest.raises(sqlite3.IntegrityError, match="never"):
        other.execute(statement)


def reward(client: httpx.Client, decision_id: str, **told: Any) -> httpx.Response:
    return client.post(f"/v1/decisions/{decision_id}/reward", json={"kind": "converted", **told})


def test_r15_feedback_that_follows_its_decision_at_once_always_finds_it(services: Any) -> None:
    client = services.start()

    def decide_and_tell(_: int) -> int:
        return reward(client, client.post("/v1/decide", json=asked(scrolls=9)).json()["decision_id"]).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(decide_and_tell, range(40))) == {200}
    assert len(rows(services.audit)) == 40


def test_r14_over_http_each_refusal_has_its_status(services: Any) -> None:
    other = {"authorization": f"Bearer {services.token('blog')}"}
    client = services.start(live=live())
    send(client, scrolls(8))
    decision_id = leave(client)["decision_id"]

    taken = reward(client, decision_id, at=services.audit.find(decision_id).decided_at + 1)
    assert taken.json()["retimed"] is False
    statuses = [
        reward(client, "unknown").status_code,
        client.post(f"/v1/decisions/{decision_id}/reward", json={"kind": "shown"}, headers=other).status_code,
        reward(client, decision_id, at=taken.json()["at"] + 1).status_code,
        reward(client, decision_id, at=taken.json()["at"] - DAY).status_code,
        reward(client, decision_id, kind="liked").status_code,
    ]
    assert statuses == [404, 404, 409, 422, 422]


@pytest.mark.parametrize("kind", ["bounced", 5])
def test_a_kind_that_is_none_is_refused_with_those_there_are(services: Any, kind: Any) -> None:
    refused = reward(services.start(), "d1", kind=kind).json()
    told = f'It is {json.dumps(kind)}; right are "shown", "closed", "clicked", "converted".'
    assert (refused["field"], refused["detail"]) == ("kind", told)


@pytest.mark.parametrize("header", [("content-type", "text/plain"), ("content-encoding", "gzip")])
def test_r02_a_body_of_another_type_is_refused(services: Any, header: tuple[str, str]) -> None:
    content = b'{"kind": "converted"}'
    refused = services.start().post("/v1/decisions/d1/reward", content=content, headers=[header])
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (415, "E_CONTENT", header[0])


def test_what_can_not_be_put_on_record_is_refused(services: Any, tmp_path: Path) -> None:
    client = services.start(live=live())
    send(client, scrolls(8))
    decision_id = leave(client)["decision_id"]
    with services.audit:
        services.audit.file = tmp_path / "keys.json" / "decisions.sqlite"

    assert reward(client, decision_id).json()["code"] == "E_AUDIT_UNAVAILABLE"
