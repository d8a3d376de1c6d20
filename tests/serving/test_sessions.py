"""Live sessions as a client meets them: events in, a flag kept, one decision at the exit; over a real socket."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.bundle import Bundle
from ml.policy import Reason
from serving.audit import replay
from serving.keys import KeyScope
from serving.live import Live
from serving.session_file import SessionFile
from serving.session_redis import SessionsInRedis
from serving.session_stores import SessionsInMemory
from tests.redis_server import redis_server

MOMENT = 1_772_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND


def live(**settings: Any) -> Live:
    return Live(**{"clock": lambda: MOMENT, **settings})


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield f"redis://{address}/0"


def scrolls(count: int, seconds_ago: float = 1, **overrides: Any) -> dict[str, Any]:
    event = {"event_name": "scroll", "event_timestamp": MOMENT - round(seconds_ago * SECOND)}
    profile = {"pages_before": 3, "channel": "email"}
    return {"user_pseudo_id": "known", "profile": profile, "events": [event] * count, **overrides}


def send(client: httpx.Client, body: dict[str, Any], session: str = "known.1") -> dict[str, Any]:
    answer: dict[str, Any] = client.post(f"/v1/sessions/{session}/events", json=body).raise_for_status().json()
    return answer


def leave(client: httpx.Client, session: str = "known.1") -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/v1/sessions/{session}/decision").raise_for_status().json()
    return answer


def recorded(services: Any) -> list[str]:
    with closing(sqlite3.connect(services.audit.file)) as record:
        return [decision_id for (decision_id,) in record.execute("select decision_id from decisions order by rowid")]


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_a_session_is_scored_on_every_second_act_and_decided_about_at_its_exit(
    services: Any, served_model: Bundle, store: str, request: pytest.FixtureRequest
) -> None:
    kept = SessionsInRedis(request.getfixturevalue("redis")) if store == "redis" else SessionsInMemory()
    client = services.start(live=live(sessions=kept))

    answers = [send(client, scrolls(1)) for _ in range(5)]
    answers.append(send(client, scrolls(5)))

    assert [answer["scored"] for answer in answers] == [False, True, False, True, False, True]
    assert [answer["acts"] for answer in answers] == [1, 2, 3, 4, 5, 10]
    assert [(answer["flag"] or {}).get("acts") for answer in answers] == [None, 2, 2, 4, 4, 10]
    assert [(answer["flag"] or {}).get("action") for answer in answers] == [None, *["nothing"] * 4, "show"]
    assert [answer["decision"] for answer in answers] == [None] * 6
    assert recorded(services) == []
    decision = leave(client)
    flag = answers[-1]["flag"]
    assert {name: decision[name] for name in ("action", "reason", "score", "threshold", "model")} == {
        name: flag[name] for name in ("action", "reason", "score", "threshold", "model")
    }
    assert leave(client) == decision
    assert recorded(services) == [decision["decision_id"]]
    audited = services.audit.find(decision["decision_id"])
    assert (audited.client, audited.user_pseudo_id, audited.moment) == ("shop", "known", flag["scored_at"])
    assert (audited.features["scrolls"], audited.features["channel"]) == (10, "email")
    assert replay(audited, served_model) == audited.score


def test_the_flag_says_what_deciding_in_one_call_would_say(services: Any) -> None:
    client = services.start(live=live())
    flag = send(client, scrolls(8))["flag"]

    decided = client.post("/v1/decide", json={**scrolls(8), "at": MOMENT}).json()

    assert (flag["score"], flag["action"], flag["model"]) == (decided["score"], decided["action"], decided["model"])


@pytest.mark.parametrize(
    ("policy", "shown_at_once"),
    [("interval", True), ("time_based", True), ("batch_flag", False), ("sequential", False)],
)
def test_a_policy_that_acts_at_once_decides_as_it_scores_and_others_wait_for_the_exit(
    services: Any, policy: str, shown_at_once: bool
) -> None:
    client = services.start(live=live(policy_of=lambda _: policy))

    answers = [send(client, scrolls(6, seconds_ago)) for seconds_ago in (90, 30, 29)]

    shown = [answer["decision"] for answer in answers if answer["decision"]]
    assert [decision["action"] for decision in shown] == (["show"] if shown_at_once else [])
    assert recorded(services) == [decision["decision_id"] for decision in shown]
    assert leave(client)["decision_id"] in {*recorded(services)}
    assert len(recorded(services)) == 1


def test_a_session_that_nobody_has_heard_of_or_that_has_no_flag_yet_is_left_alone_on_record(services: Any) -> None:
    client = services.start(live=live())
    send(client, scrolls(1))

    unflagged, unknown = leave(client), leave(client, "nobody.1")

    for decision in (unflagged, unknown):
        assert (decision["action"], decision["reason"], decision["fallback"]) == ("nothing", "no_flag", True)
    assert leave(client, "nobody.1") == unknown
    assert recorded(services) == [unflagged["decision_id"], unknown["decision_id"]]
    assert services.audit.find(unflagged["decision_id"]).user_pseudo_id == "known"
    assert send(client, scrolls(2))["scored"] is False


def test_who_asks_at_the_exits_of_sessions_that_nobody_has_heard_of_pushes_out_none(services: Any) -> None:
    sessions = SessionsInMemory(at_most=2)
    client = services.start(live=live(sessions=sessions))
    send(client, scrolls(8))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: leave(client, f"nobody.{number % 3}"), range(24)))

    assert len(sessions._kept) == 1
    assert {answer["reason"] for answer in answers} == {"no_flag"}
    assert sorted(recorded(services)) == sorted({answer["decision_id"] for answer in answers})
    assert len(recorded(services)) == 3
    assert leave(client)["action"] == "show"


def test_many_who_ask_at_a_session_s_exit_at_once_get_one_decision(services: Any) -> None:
    client = services.start(live=live())
    send(client, scrolls(8))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: leave(client), range(24)))

    assert all(answer == answers[0] for answer in answers)
    assert recorded(services) == [answers[0]["decision_id"]]


def test_m01_without_a_champion_the_flag_leaves_the_visitor_alone(services: Any) -> None:
    client = services.start(models=("popup_profile",), live=live())

    flag = send(client, scrolls(2))["flag"]

    assert (flag["action"], flag["reason"], flag["score"]) == ("nothing", "no_champion", None)
    assert leave(client)["reason"] == "no_champion"


def test_with_a_dead_store_the_flag_leaves_the_visitor_alone_and_the_next_score_finds_it_back(
    services: Any, open_store: Any
) -> None:
    is_dead = True

    def opened() -> Any:
        if is_dead:
            raise FileNotFoundError("feature_store.yaml")
        return open_store()

    client = services.start(open_store=opened, live=live())
    dead = send(client, scrolls(8))["flag"]
    is_dead = False
    alive = send(client, scrolls(2))["flag"]

    assert (dead["action"], dead["reason"], dead["score"]) == ("nothing", "features_unavailable", None)
    assert (alive["action"], alive["score"] is None) == ("show", False)


def test_what_can_not_be_audited_is_not_decided_and_decided_once_it_can_be(services: Any, tmp_path: Path) -> None:
    client = services.start(live=live())
    send(client, scrolls(8))
    with services.audit:
        services.audit.file = tmp_path / "keys.json" / "decisions.sqlite"
    refused = client.get("/v1/sessions/known.1/decision")
    assert (refused.status_code, refused.json()["code"]) == (503, "E_AUDIT_UNAVAILABLE")
    services.audit.file = tmp_path / "decisions.sqlite"

    assert leave(client)["action"] == "show"


def test_without_the_place_for_sessions_events_are_refused_and_who_leaves_is_left_alone(services: Any) -> None:
    client = services.start(live=live(sessions=SessionsInRedis("redis://127.0.0.1:1/0")))

    refused = client.post("/v1/sessions/known.1/events", json=scrolls(2))
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        503,
        "E_SESSIONS_UNAVAILABLE",
        "1",
    )
    decision = leave(client)
    assert (decision["action"], decision["reason"]) == ("nothing", "no_flag")
    assert leave(client) == decision
    assert recorded(services) == [decision["decision_id"]]


@pytest.mark.parametrize("days", [pytest.param(1, id="R16-future"), pytest.param(-1, id="R16-past")])
def test_r16_events_of_a_clock_that_is_wrong_are_taken_with_ours_and_flagged(services: Any, days: int) -> None:
    client = services.start(live=live())

    answer = send(client, scrolls(8, seconds_ago=-days * 86_400))

    assert (answer["events_taken"], answer["events_retimed"], answer["scored"]) == (8, 8, True)
    assert answer["flag"]["action"] == "show"


def test_f25_a_clock_that_jumps_loses_no_session_and_puts_decisions_on_record_in_their_order(services: Any) -> None:
    jumps = iter([0, DAY, -DAY, -3600 * SECOND] * 50)
    client = services.start(live=live(clock=lambda: MOMENT + next(jumps)))

    decided = []
    for session in ("a", "b", "c"):
        answers = [send(client, scrolls(2), session) for _ in range(4)]
        assert [answer["flag"]["acts"] for answer in answers] == [2, 4, 6, 8]
        decided.append(leave(client, session))

    assert [decision["action"] for decision in decided] == ["show"] * 3
    assert recorded(services) == [decision["decision_id"] for decision in decided]


def test_a_session_of_more_events_than_people_make_is_left_alone(services: Any) -> None:
    client = services.start(live=live())
    answers = [send(client, scrolls(500)) for _ in range(3)]

    assert [answer["events_taken"] for answer in answers] == [500, 500, 0]
    assert [answer["flag"]["reason"] for answer in answers][1:] == ["score_at_or_above_threshold", "too_many_events"]
    assert leave(client)["action"] == "nothing"


def test_clients_know_nothing_of_each_other_s_sessions(services: Any) -> None:
    other = services.token("blog")
    client = services.start(live=live())
    send(client, scrolls(8))
    headers = {"authorization": f"Bearer {other}"}

    assert client.get("/v1/sessions/known.1/decision", headers=headers).json()["reason"] == "no_flag"
    assert client.get("/v1/sessions/else.1/stream", headers=headers).status_code == 404
    assert leave(client)["action"] == "show"


def test_a_session_s_name_is_one_user_s(services: Any) -> None:
    client = services.start(live=live())
    send(client, scrolls(8))

    refused = client.post("/v1/sessions/known.1/events", json=scrolls(8, user_pseudo_id="old"))

    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        409,
        "E_OTHER_USER",
        "user_pseudo_id",
    )
    assert "known" not in refused.text
    assert send(client, scrolls(2))["flag"]["acts"] == 10


def test_a_session_s_profile_does_not_grow_without_end(services: Any) -> None:
    client = services.start(models=("popup_profile",), live=live())
    names = [f"field_{number}" for number in range(201)]
    send(client, scrolls(1, profile=dict.fromkeys(names[:200], 1)))
    send(client, scrolls(1, profile=dict.fromkeys(names[:200], 2)))

    refused = client.post("/v1/sessions/known.1/events", json=scrolls(1, profile={names[200]: 1}))
    assert (refused.status_code, refused.json()["field"]) == (422, "profile")


@pytest.mark.parametrize(
    ("session", "body", "status", "field"),
    [
        pytest.param("s", b"{", 400, None, id="R01"),
        pytest.param("s", b'{"user_pseudo_id": "a"' + b" " * 256 * 1024 + b"}", 413, None, id="R03"),
        pytest.param("s", json.dumps(scrolls(1, events=[{"event_name": "x"}])).encode(), 422, "events[0]", id="R04"),
        pytest.param("s", json.dumps(scrolls(1, profile={"shoe": 1})).encode(), 422, "profile.shoe", id="R06"),
        pytest.param("s", json.dumps(scrolls(501)).encode(), 413, "events", id="R09"),
        pytest.param("s" * 201, json.dumps(scrolls(1)).encode(), 422, "session", id="R17-long"),
        pytest.param("%00", json.dumps(scrolls(1)).encode(), 422, "session", id="R17-control"),
    ],
)
def test_bad_events_are_refused_and_none_of_them_is_taken(
    services: Any, session: str, body: bytes, status: int, field: str | None
) -> None:
    client = services.start(live=live())

    refused = client.post(f"/v1/sessions/{session}/events", content=body)

    assert (refused.status_code, refused.json().get("field")) == (status, field)
    assert services.start(live=live()).get("/v1/sessions/s/stream").status_code == 404


def test_events_get_no_answer_without_a_key_or_by_another_method(services: Any) -> None:
    client = services.start(live=live())
    assert client.get("/v1/sessions/s/events").status_code == 405
    for ask in (
        partial(client.post, "/v1/sessions/s/events", json=scrolls(1)),
        partial(client.get, "/v1/sessions/s/decision"),
        partial(client.get, "/v1/sessions/s/stream"),
    ):
        assert ask(headers={"authorization": "Bearer tac_wrong"}).status_code == 401


def test_a_request_that_asks_for_no_score_touches_no_thread(services: Any) -> None:
    client = services.start(live=live())
    client.get("/healthz")

    before = set(threading.enumerate())
    assert send(client, scrolls(1))["scored"] is False
    assert set(threading.enumerate()) <= before
    assert send(client, scrolls(1))["scored"] is True
    assert any(thread.name.startswith("batch") for thread in set(threading.enumerate()) - before)


def test_a_session_goes_on_where_the_service_starts_again(services: Any, tmp_path: Path) -> None:
    def sessions() -> SessionsInMemory:
        return SessionsInMemory(SessionFile(tmp_path / "sessions.sqlite"))

    client = services.start(live=live(sessions=sessions()))
    send(client, scrolls(8))
    decision = leave(client)
    send(client, scrolls(7), "known.2")
    services.running.close()

    client = services.start(live=live(sessions=sessions()))
    assert leave(client) == decision
    assert send(client, scrolls(1), "known.2")["flag"]["acts"] == 8


def test_a_key_that_may_decide_may_not_tell_of_live_sessions_or_of_what_became_of_them(services: Any) -> None:
    other = {"authorization": f"Bearer {services.token('blog', scopes=(KeyScope.DECIDE, KeyScope.READ))}"}
    client = services.start()
    decision = client.post("/v1/decide", json={"user_pseudo_id": "v"}, headers=other).raise_for_status().json()
    refused = [
        client.post("/v1/sessions/v.1/events", json={"user_pseudo_id": "v"}, headers=other),
        client.post(f"/v1/decisions/{decision['decision_id']}/reward", json={"kind": "shown"}, headers=other),
    ]

    assert [answer.json()["detail"] for answer in refused] == [
        "The key lacks the scope live.",
        "The key lacks the scope feedback.",
    ]


@pytest.mark.parametrize(
    ("settings", "reason", "probability"),
    [
        ({}, Reason.ABOVE_THRESHOLD, 1.0),
        ({"exploration": 1.0}, Reason.EXPLORED, 0.5),
        ({"frequency_cap": 0}, Reason.FREQUENCY_CAP, 1.0),
        ({"impression_budget": 0.0}, Reason.IMPRESSION_BUDGET, 1.0),
        ({"thresholds": {"popup_behaviour": 1.0}}, Reason.BELOW_THRESHOLD, 1.0),
    ],
)
def test_what_a_client_has_set_acts_at_the_exit_too(
    services: Any, settings: dict[str, Any], reason: Reason, probability: float
) -> None:
    services.set("shop", **settings)
    client = services.start(live=live())
    send(client, scrolls(8))

    decision = leave(client)

    assert (decision["reason"], decision["score"] is None) == (reason, False)
    assert services.audit.find(decision["decision_id"]).action_probability == probability
