"""The service as a client meets it, over a real socket, store, registry and audit."""

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.bundle import Bundle
from ml.encoding import Encoding
from serving.audit import replay
from tests.serving.conftest import GOLDEN

MOMENT = 1_772_000_000_000_000


def asked(user: str = "known", scrolls: int = 0, **overrides: Any) -> dict[str, Any]:
    events = [{"event_name": "scroll", "event_timestamp": MOMENT - second} for second in range(scrolls)]
    profile = {"pages_before": 3, "channel": "email"}
    return {"user_pseudo_id": user, "at": MOMENT, "profile": profile, "events": events, **overrides}


def recorded(services: Any) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(services.audit.file)) as record:
        return list(record.execute("select decision_id, action from decisions order by rowid"))


def test_a_visitor_who_scrolls_much_is_shown_and_one_who_does_not_is_left_alone(services: Any) -> None:
    client = services.start()
    shown, left_alone = (client.post("/v1/decide", json=asked(scrolls=scrolls)).json() for scrolls in (9, 0))
    assert (shown["action"], shown["reason"]) == ("show", "score_at_or_above_threshold")
    assert (left_alone["action"], left_alone["reason"]) == ("nothing", "score_below_threshold")
    assert shown["score"] > shown["threshold"] > left_alone["score"]
    assert shown["features_missing"] == shown["stale"] == []
    assert recorded(services) == [(shown["decision_id"], "show"), (left_alone["decision_id"], "nothing")]


def test_an_answered_decision_replays_from_its_row(services: Any, served_model: Bundle) -> None:
    answer = services.start().post("/v1/decide", json=asked(scrolls=4)).json()
    audited = services.audit.find(answer["decision_id"])
    assert (audited.client, audited.user_pseudo_id, audited.moment) == ("shop", "known", MOMENT)
    assert (audited.score, audited.digest) == (answer["score"], answer["model"]["digest"])
    assert replay(audited, served_model) == audited.score


@pytest.mark.parametrize(
    ("user", "missing", "stale"),
    [
        pytest.param("nobody", ["spend_usd", "purchases"], [], id="L01"),
        pytest.param("old", ["spend_usd", "purchases"], ["user_features"], id="L02"),
        pytest.param("nulls", ["spend_usd", "purchases"], [], id="L03"),
    ],
)
def test_features_that_can_not_be_used_are_named(
    services: Any, user: str, missing: list[str], stale: list[str]
) -> None:
    answer = services.start().post("/v1/decide", json=asked(user)).json()
    assert (answer["features_missing"], answer["stale"], answer["fallback"]) == (missing, stale, False)
    assert answer["score"] is not None


def test_m01_without_a_champion_the_visitor_is_left_alone_and_that_is_on_record(services: Any) -> None:
    client = services.start(models=("popup_profile",))
    answer = client.post("/v1/decide", json=asked(model="popup_profile")).json()
    assert (answer["action"], answer["reason"], answer["fallback"]) == ("nothing", "no_champion", True)
    assert answer["model"] == {"name": "popup_profile", "version": None, "digest": None}
    assert recorded(services) == [(answer["decision_id"], "nothing")]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "E_NO_CHAMPION")
    assert "make run" in ready.json()["detail"]


def test_with_a_dead_store_the_visitor_is_left_alone_and_that_is_on_record(services: Any) -> None:
    def open_store() -> Any:
        raise FileNotFoundError("feature_store.yaml")

    client = services.start(open_store=open_store)
    answer = client.post("/v1/decide", json=asked()).json()
    assert (answer["action"], answer["reason"], answer["score"]) == ("nothing", "features_unavailable", None)
    audited = services.audit.find(answer["decision_id"])
    assert (audited.features["channel"], audited.feature_status) == (
        "email",
        {"user_features": "unavailable"},
    )
    ready = client.get("/readyz").json()
    assert (ready["code"], ready["dependencies"]["audit"]) == ("E_FEATURES_UNAVAILABLE", "ok")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"data_type": "string"}, "user_features:purchases is int64 in the feature store, and the model learnt from"),
        ({"name": "orders"}, "user_features lacks orders"),
    ],
    ids=["L04", "L05"],
)
def test_with_features_that_are_others_now_the_visitor_is_left_alone_and_readiness_names_them(
    services: Any, trained: Bundle, changed: dict[str, Any], told: str
) -> None:
    model, (*others, purchases) = f"learnt-{'-'.join(changed)}", trained.features
    other = replace(purchases, **changed)
    encoding = Encoding({feature.name: None for feature in (*others, other)} | {"channel": ("email", "search")})
    golden = [{**row, other.name: row["purchases"]} for row in GOLDEN]
    services.registry.register(replace(trained, features=(*others, other), encoding=encoding), model, golden=golden)
    client = services.start(models=(model,))

    answer = client.post("/v1/decide", json=asked(model=model)).json()
    assert (answer["action"], answer["reason"], answer["score"]) == ("nothing", "features_unavailable", None)
    assert services.audit.find(answer["decision_id"]) is not None
    ready = client.get("/readyz").json()
    assert ready["code"] == "E_FEATURES_UNAVAILABLE"
    assert told in ready["detail"]


def test_what_can_not_be_audited_is_not_decided(services: Any, tmp_path: Path) -> None:
    services.audit.file = tmp_path / "keys.json" / "decisions.sqlite"
    client = services.start()
    answer = client.post("/v1/decide", json=asked())
    assert (answer.status_code, answer.json()["code"]) == (503, "E_AUDIT_UNAVAILABLE")
    assert "action" not in answer.json()
    assert client.get("/readyz").json()["code"] == "E_AUDIT_UNAVAILABLE"
    services.audit.file = tmp_path / "decisions.sqlite"
    assert client.post("/v1/decide", json=asked()).status_code == 200


def test_a_ready_service_names_its_dependencies(services: Any) -> None:
    client = services.start()
    ready = client.get("/readyz").json()
    assert ready == {
        "status": "ready",
        "dependencies": {"audit": "ok", "popup_behaviour": "ok", "features": "ok", "sessions": "ok"},
    }
    assert client.get("/healthz").status_code == 200


def test_every_bad_key_gets_the_same_refusal(services: Any) -> None:
    expired = services.token("shop", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    client = services.start()
    headers = [
        "",
        "Bearer",
        "Bearer tac_wrong",
        f"Bearer {expired}",
        client.headers["authorization"].replace("Bearer", "Basic"),
    ]
    refusals = [client.post("/v1/decide", json=asked(), headers={"authorization": header}) for header in headers]
    assert {refusal.status_code for refusal in refusals} == {401}
    assert len({refusal.content for refusal in refusals}) == 1
    assert refusals[0].headers["www-authenticate"] == "Bearer"
    assert recorded(services) == []


def test_a_key_in_the_address_is_refused_wherever_it_stands(services: Any) -> None:
    client = services.start()
    key = client.headers["authorization"].removeprefix("Bearer ")
    for query in (f"key={key}", key, f"{key}=1", f"key={key}&key=1", f"key=Bearer%20{key}", f"%74{key[1:]}"):
        refusal = client.post(f"/v1/decide?{query}", json=asked())
        assert (query, refusal.status_code, refusal.json().get("code")) == (query, 400, "E_KEY_IN_QUERY")
        assert "the header `Authorization: Bearer tac_...` is its place" in refusal.json()["detail"]


def test_a_client_reads_its_own_decisions_and_no_others(services: Any) -> None:
    other = {"authorization": f"Bearer {services.token('blog')}"}
    client = services.start()
    answer = client.post("/v1/decide", json=asked()).json()
    address = f"/v1/decisions/{answer['decision_id']}"
    assert client.get(address).json() == answer
    assert client.get(address, headers=other).status_code == 404
    assert client.get("/v1/decisions/none").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        pytest.param(b"{", 400, "E_JSON", None, id="R01"),
        pytest.param(b'{"user_pseudo_id": "a"' + b" " * 256 * 1024 + b"}", 413, "E_BODY_TOO_LARGE", None, id="R03"),
        pytest.param(json.dumps(asked(at="1")).encode(), 422, "E_FIELD", "at", id="R04"),
        pytest.param(
            json.dumps(asked(profile={"shoe": 1})).encode(),
            422,
            "E_FIELD",
            "profile.shoe",
            id="unknown-feature",
        ),
        pytest.param(json.dumps(asked(model="best")).encode(), 422, "E_FIELD", "model", id="unknown-model"),
    ],
)
def test_a_bad_request_is_refused_and_leaves_no_trace(
    services: Any, body: bytes, status: int, code: str, field: str | None
) -> None:
    refusal = services.start().post("/v1/decide", content=body)
    assert refusal.headers["content-type"] == "application/problem+json"
    assert (refusal.status_code, refusal.json()["code"], refusal.json().get("field")) == (status, code, field)
    assert recorded(services) == []


def test_no_answer_holds_the_visitors_id(services: Any) -> None:
    client = services.start()
    answers = [
        client.post("/v1/decide", json=asked("known", **more)) for more in ({}, {"at": 1}, {"profile": {"x": 1}})
    ]
    answers.append(client.get(f"/v1/decisions/{answers[0].json()['decision_id']}"))
    assert [answer.status_code for answer in answers] == [200, 422, 422, 200]
    assert all("known" not in answer.text for answer in answers)


def test_routes_that_are_not_there_are_refused_in_the_same_form(services: Any) -> None:
    client = services.start()
    missing, wrong_method = client.get("/v2/decide"), client.get("/v1/decide")
    assert (missing.status_code, wrong_method.status_code, wrong_method.headers["allow"]) == (
        404,
        405,
        "POST",
    )
    assert {answer.json()["code"] for answer in (missing, wrong_method)} == {"E_ROUTE"}


def test_the_description_names_the_requests_fields_and_the_page_shows_it(services: Any) -> None:
    client = services.start()
    described = client.get("/openapi.json").json()
    assert set(described["components"]["schemas"]["DecideRequest"]["properties"]) == set(
        asked(model="any", campaign="any")
    )
    assert all(client.get(path).status_code != 404 for path in described["paths"] if "{" not in path)
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("</", "")


def test_answers_to_many_at_once_are_each_on_record(services: Any) -> None:
    client: httpx.Client = services.start()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda scrolls: client.post("/v1/decide", json=asked(scrolls=scrolls)).json(), range(40))
        )
    assert {answer["decision_id"] for answer in answers} == {decision_id for decision_id, _ in recorded(services)}
    assert len(recorded(services)) == 40


def test_many_are_decided_for_in_one_request_each_on_record(services: Any) -> None:
    client = services.start()
    answers = client.post("/v1/decide:batch", json=[asked(scrolls=9), asked("nobody"), asked("old")]).json()
    assert [answer["action"] for answer in answers] == ["show", "nothing", "nothing"]
    assert [answer["stale"] for answer in answers] == [[], [], ["user_features"]]
    assert recorded(services) == [(answer["decision_id"], answer["action"]) for answer in answers]
    assert [client.get(f"/v1/decisions/{answer['decision_id']}").json() for answer in answers] == answers


def test_what_a_model_does_not_read_is_told_in_the_place_of_that_request_s_decision(services: Any) -> None:
    answers = services.start().post("/v1/decide:batch", json=[asked(), asked(profile={"shoe": 1}), asked()]).json()
    assert [answer.get("field") for answer in answers] == [None, "profile.shoe", None]
    assert answers[1]["code"] == "E_FIELD"
    assert len(recorded(services)) == 2


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        pytest.param(b"[", 400, "E_JSON", None, id="R01"),
        pytest.param(b"[]", 422, "E_FIELD", "$", id="none"),
        pytest.param(json.dumps(asked()).encode(), 422, "E_FIELD", "$", id="no-list"),
        pytest.param(json.dumps([asked()] * 501).encode(), 413, "E_BATCH_TOO_LARGE", None, id="too-many"),
        pytest.param(
            json.dumps([asked(), asked(scrolls=501)]).encode(), 413, "E_TOO_MANY_EVENTS", "[1].events", id="R09"
        ),
        pytest.param(b"[" + b" " * 9 * 1024 * 1024, 413, "E_BODY_TOO_LARGE", None, id="R03"),
        pytest.param(json.dumps([asked(), asked(at="1")]).encode(), 422, "E_FIELD", "[1].at", id="R04"),
        pytest.param(json.dumps([asked(), asked("\0")]).encode(), 422, "E_FIELD", "[1].user_pseudo_id", id="R08"),
    ],
)
def test_a_batch_that_can_not_be_read_is_refused_whole(
    services: Any, body: bytes, status: int, code: str, field: str | None
) -> None:
    refusal = services.start().post("/v1/decide:batch", content=body)
    assert refusal.headers["content-type"] == "application/problem+json"
    assert (refusal.status_code, refusal.json()["code"], refusal.json().get("field")) == (status, code, field)
    assert recorded(services) == []


def test_a_long_list_is_decoded_beside_the_event_loop_and_a_short_one_in_it(services: Any) -> None:
    client = services.start()
    client.get("/healthz")

    def helpers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("AnyIO")}

    before = helpers()
    client.post("/v1/decide:batch", json=[asked()] * 2).raise_for_status()
    assert helpers() <= before
    assert len(client.post("/v1/decide:batch", json=[asked(scrolls=250)] * 20).raise_for_status().json()) == 20
    assert helpers() - before


def test_a_request_that_comes_in_parts_is_read_whole(services: Any) -> None:
    body = json.dumps(asked(scrolls=9)).encode()
    answer = services.start().post("/v1/decide", content=iter([body[:10], body[10:40], body[40:]]))
    assert answer.json()["action"] == "show"


def test_a_batch_over_the_limit_is_told_the_limit(services: Any) -> None:
    refusal = services.start().post("/v1/decide:batch", json=[asked()] * 501).json()
    assert refusal["detail"] == "It lists 501 requests; at most 500 are taken at once."


def test_more_than_may_wait_is_refused_with_a_time_to_come_back_and_the_rest_is_answered(services: Any) -> None:
    opened, is_in_work, may_go_on = threading.Event(), threading.Event(), threading.Event()

    def open_store() -> Any:
        # the first look, when the service starts, is not waited for
        if opened.is_set():
            is_in_work.set()
            assert may_go_on.wait(30)
        opened.set()
        raise OSError

    client = services.start(open_store=open_store)
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(client.post, "/v1/decide:batch", json=[asked()] * 500)]
        assert is_in_work.wait(30)
        asking += [pool.submit(client.post, "/v1/decide:batch", json=[asked()] * 500) for _ in range(7)]
        # one is in work, and at most three wait: more than 1,024 requests, or fewer where they are late
        refusals = [each.result() for each in islice(as_completed(asking), 4)]
        refused_alone = client.post("/v1/decide:batch", json=[asked()] * 500)
        may_go_on.set()
        answers = [each.result() for each in asking]

    assert {(refusal.status_code, refusal.json()["code"]) for refusal in [*refusals, refused_alone]} == {
        (503, "E_OVERLOADED")
    }
    assert {refusal.headers["retry-after"] for refusal in refusals} == {"1"}
    answered = [answer.status_code for answer in answers].count(200)
    assert 2 <= answered <= 4
    assert len(recorded(services)) == 500 * answered


def test_addresses_that_are_answered_in_front_refuse_other_methods_too(services: Any) -> None:
    client = services.start()
    assert {client.get(address).headers["allow"] for address in ("/v1/decide", "/v1/decide:batch")} == {"POST"}
