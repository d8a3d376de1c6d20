"""The record of decisions: complete, durable, never changed."""

import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.bundle import Bundle
from ml.campaigns import Channel
from ml.policy import Action, Reason
from serving.audit import AuditedDecision, AuditLog, AuditUnavailableError, ShadowScore, replay
from serving.audit_erasure import ERASED, erase
from serving.requests import DecideRequest, Event, Value

MOMENT = 1_772_000_000_000_000
DECISION = AuditedDecision(
    decision_id="d1",
    decided_at=MOMENT + 5,
    client="shop",
    user_pseudo_id="u1",
    moment=MOMENT,
    request=DecideRequest("u1", profile={"channel": "email"}, events=(Event("scroll", MOMENT),)),
    features={"pages_before": 3, "channel": "email", "scrolls": 1, "spend_usd": 0.1 + 0.2, "purchases": None},
    feature_status={"user_features": "fresh"},
    features_missing=("purchases",),
    score=0.625,
    threshold=0.5,
    action=Action.SHOW,
    reason=Reason.ABOVE_THRESHOLD,
    action_probability=1.0,
    model="popup_behaviour",
    version="3",
    digest="0" * 64,
    campaign="basket",
    channel=Channel.NOTIFICATION,
)
SHADOW = ShadowScore("d1", "4", "4" * 64, 0.25, 0.5)
DAY = 86_400_000_000


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "decisions" / "decisions.sqlite")


def test_what_was_put_on_record_is_found_as_it_was(audit: AuditLog) -> None:
    audit.append([DECISION])
    found = AuditLog(audit.file).find("d1")
    assert found is not None
    assert msgspec.json.encode(found) == msgspec.json.encode(DECISION)
    assert audit.find("d2") is None


CHANGES = {
    "updated": "update {} set digest = ''",
    "deleted": "delete from {}",
    "replaced": "replace into {0} select * from {0}",
    "replaced-in-its-place": "replace into {} (rowid, decision_id) values (1, 'd2')",
}


@pytest.mark.parametrize("table", ["decisions", "shadow_scores"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_record_is_never_changed(audit: AuditLog, table: str, change: str) -> None:
    audit.append([DECISION], [SHADOW])
    before = audit.find("d1")
    with closing(sqlite3.connect(audit.file)) as other, pytest.raises(sqlite3.IntegrityError, match="never"):
        other.execute(change.format(table))
    assert (audit.find("d1"), audit.find_shadow("d1")) == (before, SHADOW)


def test_a_person_is_forgotten_in_a_record_that_is_never_changed_otherwise(audit: AuditLog) -> None:
    audit.append([DECISION, msgspec.structs.replace(DECISION, decision_id="d2", user_pseudo_id="u2")], [SHADOW])

    assert erase(audit.file, ["u1"]) == 1

    forgotten, other = audit.find("d1"), audit.find("d2")
    assert forgotten is not None
    assert other is not None
    assert (forgotten.user_pseudo_id, forgotten.features, other.user_pseudo_id) == (ERASED, {}, "u2")
    assert audit.find_shadow("d1") == SHADOW
    with closing(sqlite3.connect(audit.file)) as record, pytest.raises(sqlite3.IntegrityError, match="never"):
        record.execute("update decisions set digest = ''")


def test_f25_what_was_shown_today_is_found_behind_what_a_clock_set_back_put_on_record(audit: AuditLog) -> None:
    midnight = MOMENT - MOMENT % DAY
    for number, at in enumerate((midnight - 1, midnight, midnight + DAY - 1, midnight - 1)):
        audit.append(
            [msgspec.structs.replace(DECISION, decision_id=f"d{number}", user_pseudo_id=str(at), decided_at=at)]
        )

    assert sorted(audit.shown_since("shop", midnight)) == [str(midnight), str(midnight + DAY - 1)]


def test_only_what_interrupts_was_shown_in_the_sense_of_a_cap(audit: AuditLog) -> None:
    for channel in (*Channel, None):
        shown = msgspec.structs.replace(
            DECISION, decision_id=str(channel), user_pseudo_id=str(channel), channel=channel, decided_at=MOMENT
        )
        audit.append([shown])

    assert sorted(audit.shown_since("shop", MOMENT)) == ["None", "notification", "pop_up"]


def test_a_record_of_before_there_were_campaigns_is_read_and_goes_on(audit: AuditLog) -> None:
    audit.append([DECISION])
    with audit.opened() as connection:
        for column in ("campaign", "channel"):
            connection.execute(f"alter table decisions drop column {column}")

    with AuditLog(audit.file) as one, AuditLog(audit.file) as other, ThreadPoolExecutor(2) as pool:
        # two processes may meet an older file at once
        found = [*pool.map(lambda log: log.find("d1"), (one, other))]
        one.append([msgspec.structs.replace(DECISION, decision_id="d2")])
        found.append(other.find("d2"))
    assert [(each.campaign, each.channel) for each in found if each] == [(None, None)] * 2 + [
        ("basket", "notification")
    ]
    with closing(sqlite3.connect(audit.file)) as record, pytest.raises(sqlite3.IntegrityError, match="never"):
        record.execute("update decisions set campaign = 'another'")


def test_a_decision_is_recorded_once(audit: AuditLog) -> None:
    audit.append([DECISION])
    with pytest.raises(AuditUnavailableError):
        audit.append([DECISION])


def test_what_was_decided_together_is_put_on_record_together_or_not_at_all(audit: AuditLog) -> None:
    first, second, third = (msgspec.structs.replace(DECISION, decision_id=f"d{number}") for number in (1, 2, 3))
    audit.append([first])

    with pytest.raises(AuditUnavailableError):
        audit.append([second, first])
    assert audit.find("d2") is None

    audit.append([second, third])
    found = [audit.find(decision.decision_id) for decision in (first, second, third)]
    assert [decision and decision.decision_id for decision in found] == ["d1", "d2", "d3"]


def test_nothing_to_put_on_record_is_nothing(audit: AuditLog) -> None:
    audit.append([])
    assert audit.find("d1") is None


def test_each_commit_is_flushed_to_the_disk(audit: AuditLog) -> None:
    with audit.opened() as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("pragma synchronous").fetchone() == (2,)


def test_a_log_that_could_not_be_written_is_written_again_when_it_can(tmp_path: Path) -> None:
    obstacle = tmp_path / "decisions"
    obstacle.write_text("a file where the folder should be")
    audit = AuditLog(obstacle / "decisions.sqlite")
    attempts: list[Callable[[], object]] = [
        audit.check,
        lambda: audit.append([DECISION]),
        lambda: audit.find("d1"),
    ]
    for attempt in attempts:
        with pytest.raises(AuditUnavailableError):
            attempt()
    obstacle.unlink()
    audit.check()
    audit.append([DECISION])
    assert audit.find("d1") is not None


VALUES: dict[str, st.SearchStrategy[Value]] = {
    "pages_before": st.none() | st.integers(0, 2**53),
    "channel": st.none() | st.sampled_from(["email", "search", "unseen"]),
    "scrolls": st.integers(0, 500),
    "spend_usd": st.none() | st.floats(-1e9, 1e9),
    "purchases": st.none() | st.integers(0, 1000),
}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.fixed_dictionaries(VALUES))
def test_a_recorded_decision_replays_to_the_same_score(
    audit: AuditLog, trained: Bundle, features: dict[str, Value]
) -> None:
    decision_id, score = str(uuid.uuid4()), float(trained.score_rows([features])[0])
    audit.append([msgspec.structs.replace(DECISION, decision_id=decision_id, features=features, score=score)])
    recorded = audit.find(decision_id)
    assert recorded is not None
    assert replay(recorded, trained) == score
