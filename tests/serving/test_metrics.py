"""What the service tells of itself: figures, and lines of its log."""

import json
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.service_process import running
from tests.serving.conftest import MODEL
from tests.serving.test_app import asked


def figures(client: Any) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(told.text)
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in families
        for each in family.samples
    }


def test_decisions_are_counted_by_action_reason_and_model(services: Any) -> None:
    client = services.start()
    client.post("/v1/decide:batch", json=[asked(scrolls=9), asked(scrolls=9), asked(), asked(profile={"shoe": 1})])
    found = figures(client)
    decisions = {key[1:]: value for key, value in found.items() if key[0] == "tactful_decisions_total"}
    assert decisions == {
        ("show", "popup_behaviour", "score_at_or_above_threshold"): 2,
        ("nothing", "popup_behaviour", "score_below_threshold"): 1,
    }
    assert (found["tactful_batch_size_count",], found["tactful_batch_size_sum",]) == (1, 4)
    assert (found["tactful_waiting",], found["tactful_feature_store_left_alone",]) == (0, 0)


def test_of_what_is_decided_together_the_look_up_and_the_way_to_the_disk_are_timed(services: Any) -> None:
    client = services.start()
    before = figures(client)
    client.post("/v1/decide:batch", json=[asked(), asked()])
    found = figures(client)

    for step in ("look_up", "put_on_record"):
        count, seconds = (f"tactful_step_seconds_{each}" for each in ("count", "sum"))
        assert found[count, step] - before[count, step] == 1
        assert found[seconds, step] > before[seconds, step]


def test_who_is_decided_about_again_at_once_is_not_looked_up_again(services: Any) -> None:
    client = services.start(features_kept=60.0)
    first, second = (client.post("/v1/decide", json=asked()).json() for _ in range(2))
    found = figures(client)
    assert {key[1:]: value for key, value in found.items() if key[0] == "tactful_feature_cache_total"} == {
        ("miss",): 1,
        ("hit",): 1,
    }
    assert first["decision_id"] != second["decision_id"]
    assert {**first, "decision_id": ""} == {**second, "decision_id": ""}


def test_exits_of_live_sessions_are_counted_among_the_decisions(services: Any) -> None:
    client = services.start()
    now = time.time_ns() // 1000
    scrolls = {"user_pseudo_id": "known", "events": [{"event_name": "scroll", "event_timestamp": now}] * 8}
    assert client.post("/v1/sessions/known.1/events", json=scrolls).json()["scored"] is True
    before = figures(client)
    for session in ("known.1", "nobody.1"):
        assert client.get(f"/v1/sessions/{session}/decision").status_code == 200

    found = figures(client)
    assert not any(key[0] == "tactful_decisions_total" for key in before)
    assert {key[1:]: value for key, value in found.items() if key[0] == "tactful_decisions_total"} == {
        ("show", MODEL, "score_at_or_above_threshold"): 1,
        ("nothing", MODEL, "no_flag"): 1,
    }
    assert found["tactful_fallbacks_total", MODEL, "no_flag"] == 1
    assert (found["tactful_batch_size_count",], found["tactful_batch_size_sum",]) == (2, 2)


def test_fallbacks_and_a_store_that_is_left_alone_are_told(services: Any) -> None:
    def open_store() -> Any:
        raise OSError

    client = services.start(open_store=open_store)
    for _ in range(3):
        client.post("/v1/decide", json=asked())
    found = figures(client)
    assert found["tactful_fallbacks_total", "popup_behaviour", "features_unavailable"] == 3
    assert found["tactful_feature_store_left_alone",] == 1


def test_requests_are_timed_by_address_and_status_and_no_address_is_made_up(services: Any) -> None:
    client = services.start()
    answer = client.post("/v1/decide", json=asked()).json()
    client.get(f"/v1/decisions/{answer['decision_id']}")
    client.post("/v1/decide", content=b"{")
    for number in range(5):
        client.get(f"/no/such/{number}")
    counts = {key[1:]: value for key, value in figures(client).items() if key[0] == "tactful_request_seconds_count"}
    assert counts == {
        ("/v1/decide", "200"): 1,
        ("/v1/decide", "400"): 1,
        ("/v1/decisions/{decision_id}", "200"): 1,
        ("other", "404"): 5,
    }


def test_a_request_s_name_comes_back_and_a_refusal_has_one_of_its_own(services: Any) -> None:
    client = services.start()
    named = client.post("/v1/decide", json=asked(), headers={"x-request-id": "order-17"})
    refused = client.post("/v1/decide", content=b"{")
    misnamed = client.post("/v1/decide", content=b"{", headers={"x-request-id": "a b\tc"})
    assert named.headers["x-request-id"] == "order-17"
    assert len(refused.headers["x-request-id"]) == len(misnamed.headers["x-request-id"]) == 16
    assert "x-request-id" not in client.post("/v1/decide", json=asked()).headers


def test_the_log_is_lines_of_json_that_name_the_request_and_no_visitor(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        asked_for = {"user_pseudo_id": "visitor-17", "campaign": "spring"}
        headers = {"x-request-id": "order-17"}
        assert service.client.post("/v1/decide", json=asked_for, headers=headers).status_code == 404
        assert service.client.get("/readyz", headers={"x-request-id": "probe-1"}).status_code == 503
        # what is told of a request is told before the next one is read
        assert service.client.get("/healthz").status_code == 200
    lines = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    told = {line.get("request_id"): line for line in lines}
    assert "answered by 503" in told["probe-1"]["event"]
    assert (told["probe-1"]["level"], told["probe-1"]["logger"]) == ("warning", "serving.witness")
    assert any("named a campaign that is not its own" in line["event"] for line in lines)
    assert "visitor-17" not in (tmp_path / "service.log").read_text()
