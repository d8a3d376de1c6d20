"""What a client's settings do to its decisions, in a running service and on the record."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ml.policy import Action, Choice, Reason
from serving.audit import AuditLog, AuditUnavailableError
from serving.client_rules import WINDOW, ClientRules
from serving.clients import Clients, ClientSettings
from serving.following import Followed
from serving.problems import RefusedError
from serving.requests import DecideRequest
from tests.serving.test_access import until
from tests.serving.test_app import asked

SHOW = Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0)
DAY = 86_400_000_000
NOON = 20_500 * DAY + DAY // 2


def rules(folder: Path, **fields: Any) -> ClientRules:
    settings = Clients({"shop": ClientSettings(**fields)})
    return ClientRules(AuditLog(folder / "decisions.sqlite"), Followed(lambda: settings))


def decided(client: Any, **more: Any) -> tuple[str, str]:
    answer = client.post("/v1/decide", json=asked(scrolls=9, **more)).json()
    return answer["action"], answer["reason"]


def test_c06_a_client_s_threshold_goes_before_the_model_s_and_is_on_record(services: Any) -> None:
    services.set("shop", thresholds={"popup_behaviour": 1.0})
    answer = services.start().post("/v1/decide", json=asked(scrolls=9)).json()
    assert (answer["action"], answer["reason"], answer["threshold"]) == ("nothing", "score_below_threshold", 1.0)
    assert services.audit.find(answer["decision_id"]).threshold == 1.0


def test_a_threshold_of_another_client_or_model_changes_nothing(services: Any) -> None:
    services.set("blog", thresholds={"popup_behaviour": 1.0})
    services.set("shop", thresholds={"popup_profile": 1.0})
    assert decided(services.start()) == ("show", "score_at_or_above_threshold")


def test_who_was_shown_as_often_as_the_cap_allows_is_left_alone_on_record_and_after_a_restart(services: Any) -> None:
    services.set("shop", frequency_cap=2)
    client = services.start()
    batch = client.post("/v1/decide:batch", json=[asked(scrolls=9)] * 3).json()
    assert [answer["reason"] for answer in batch] == ["score_at_or_above_threshold"] * 2 + ["frequency_cap"]
    assert services.audit.find(batch[-1]["decision_id"]).reason is Reason.FREQUENCY_CAP
    assert (batch[-1]["action"], batch[-1]["score"]) == ("nothing", batch[0]["score"])
    assert decided(client, user="nobody")[0] == "show"

    assert decided(services.start()) == ("nothing", "frequency_cap")


def test_the_cap_begins_anew_with_the_day(tmp_path: Path) -> None:
    capped = rules(tmp_path, frequency_cap=1)
    assert [capped.hold("shop", "u", SHOW, at).action for at in (NOON, NOON + 1, NOON + DAY)] == [
        "show",
        "nothing",
        "show",
    ]


def unrecorded(held: ClientRules, *users: str) -> list[Action]:
    """What is said to `users`, which then can't be put on record."""
    actions = []
    with suppress(AuditUnavailableError), held.counting():
        actions = [held.hold("shop", user, SHOW, NOON).action for user in users]
        raise AuditUnavailableError
    return actions


def test_what_could_not_be_put_on_record_was_not_shown(tmp_path: Path) -> None:
    capped = rules(tmp_path, frequency_cap=1)
    assert unrecorded(capped, "u", "u") == ["show", "nothing"]
    assert capped.hold("shop", "u", SHOW, NOON) == SHOW


def test_what_could_not_be_put_on_record_leaves_what_others_count_meanwhile(tmp_path: Path) -> None:
    """Decisions and the exits of sessions are made in threads of their own."""
    capped = rules(tmp_path, frequency_cap=1)
    with capped.counting():
        assert capped.hold("shop", "u", SHOW, NOON) == SHOW
        with ThreadPoolExecutor(1) as other:
            assert other.submit(unrecorded, capped, "v").result() == ["show"]
        assert capped.hold("shop", "u", SHOW, NOON).reason is Reason.FREQUENCY_CAP


@pytest.mark.parametrize("before", [10, WINDOW - 1, 3 * WINDOW])
def test_what_could_not_be_put_on_record_takes_nothing_of_the_budget_and_frees_none(
    tmp_path: Path, before: int
) -> None:
    tried, untried = rules(tmp_path, impression_budget=0.1), rules(tmp_path, impression_budget=0.1)

    def shown(held: ClientRules, times: int) -> list[Action]:
        return [held.hold("shop", "u", SHOW, NOON).action for _ in range(times)]

    assert shown(tried, before) == shown(untried, before)
    unrecorded(tried, *["u"] * 500)
    assert shown(tried, 2 * WINDOW) == shown(untried, 2 * WINDOW)


def test_of_a_thousand_decisions_in_a_row_no_more_than_the_budget_show(tmp_path: Path) -> None:
    held = rules(tmp_path, impression_budget=0.1)
    shown = [held.hold("shop", f"u{n}", SHOW, NOON).action is Action.SHOW for n in range(3 * WINDOW)]
    assert max(sum(shown[start : start + WINDOW]) for start in range(2 * WINDOW)) == WINDOW // 10
    assert sum(shown) == 3 * WINDOW // 10
    assert held.hold("shop", "u", SHOW, NOON) == SHOW


def test_a_cap_holds_for_all_threads_together(tmp_path: Path) -> None:
    capped = rules(tmp_path, frequency_cap=5, impression_budget=1.0)
    with ThreadPoolExecutor(8) as pool:
        actions = list(pool.map(lambda _: capped.hold("shop", "u", SHOW, NOON).action, range(400)))
    assert actions.count(Action.SHOW) == 5


def test_what_is_shown_while_there_is_no_cap_counts_for_the_next_one(services: Any) -> None:
    services.set("shop", frequency_cap=3)
    client = services.start()
    assert decided(client)[0] == "show"
    services.set("shop", frequency_cap=None)
    until(lambda: [decided(client)[0] for _ in range(4)], ["show"] * 4)
    services.set("shop", frequency_cap=3)
    until(lambda: decided(client)[1], "frequency_cap")


def test_without_settings_nothing_is_held_nor_counted(tmp_path: Path) -> None:
    free = rules(tmp_path)
    assert {free.hold("shop", "u", SHOW, NOON) for _ in range(100)} == {SHOW}
    assert not (tmp_path / "decisions.sqlite").exists()


def test_a_running_service_follows_a_change(services: Any) -> None:
    client = services.start()
    assert decided(client)[0] == "show"
    services.set("shop", thresholds={"popup_behaviour": 1.0})
    assert any(decided(client)[0] == "nothing" for _ in range(500))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param((), "it has none.", id="none"),
        pytest.param(("a", "b"), "it has a, b.", id="some"),
        pytest.param(tuple(f"c{n}" for n in range(23)), ", c18, c19 and 3 more.", id="many"),
    ],
)
def test_who_names_no_campaign_of_its_own_is_told_those_it_has(
    tmp_path: Path, names: tuple[str, ...], told: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        rules(tmp_path, campaigns=names).check("shop", DecideRequest("1.1", campaign="other"))
    assert refused.value.stated.detail.endswith(told)


def test_r11_a_campaign_is_there_for_its_client_alone(services: Any) -> None:
    services.set("shop", campaigns=["spring"])
    services.set("blog", campaigns=["autumn"])
    client = services.start()
    own, foreign, unknown = (
        client.post("/v1/decide", json=asked(campaign=name)) for name in ("spring", "autumn", "none")
    )
    assert (own.status_code, foreign.status_code) == (200, 404)
    assert foreign.content == unknown.content
    assert foreign.json()["detail"] == "This client has no such campaign; it has spring."
    assert services.audit.find(own.json()["decision_id"]).request.campaign == "spring"
    with closing(sqlite3.connect(services.audit.file)) as record:
        assert record.execute("select count(*) from decisions").fetchone() == (1,)
