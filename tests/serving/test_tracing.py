"""The spans of a service that is asked for them, and that one which isn't asked knows nothing of OpenTelemetry."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.tracing import Tracing, of_environment
from tests.conftest import PROJECT
from tests.service_process import running
from tests.serving.conftest import MODEL
from tests.serving.test_app import asked

BUILD = """
import os, sys
from tactful.settings import Settings
from serving.main import create_app_from_settings
from serving.tracing import of_environment

create_app_from_settings(Settings(home=sys.argv[1]), tracing=of_environment(os.environ))
print(*(name for name in sys.modules if name.startswith("opentelemetry")))
"""
OTLP = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return Tracing(lambda: [exporter])


def spans(services: Any, exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """What was exported by the end of the services, as it began."""
    services.running.close()
    return sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)


def test_a_batch_is_a_span_with_its_look_up_and_its_write_within(
    services: Any, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    version = services.registry.client.get_model_version_by_alias(MODEL, "champion").version
    client = services.start(tracing=tracing)
    batch = [asked("visitor-17"), asked("visitor-18", scrolls=9), asked("visitor-17", profile={"shoe": 1})]
    assert client.post("/v1/decide:batch", json=batch).status_code == 200

    told = spans(services, exporter)
    decide, look_up, write = told
    assert [span.name for span in told] == ["decide", "look_up_features", "put_on_record"]
    assert decide.attributes == {
        "tactful.requests": 3,
        "tactful.refused": 1,
        "tactful.fallbacks": 0,
        "tactful.models": (f"{MODEL} {version}",),
    }
    assert (look_up.attributes, write.attributes) == ({"tactful.users": 2}, {"tactful.decisions": 2})
    assert decide.context is not None
    assert [span.parent and span.parent.span_id for span in told] == [None, *[decide.context.span_id] * 2]
    assert decide.resource.attributes["service.name"] == "tactful"
    assert "visitor-" not in "".join(span.to_json() for span in told)


def test_an_exit_is_a_span_too(services: Any, tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    client = services.start(tracing=tracing)
    assert client.get("/v1/sessions/visitor-17.1/decision").json()["reason"] == "no_flag"
    told = spans(services, exporter)
    assert [span.name for span in told] == ["decide", "put_on_record"]
    assert (told[0].attributes or {})["tactful.fallbacks"] == 1
    assert "visitor-" not in "".join(span.to_json() for span in told)


def test_what_fails_is_told_by_its_kind_alone(services: Any, tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    def open_store() -> Any:
        raise OSError("no row of visitor-17")

    client = services.start(open_store=open_store, tracing=tracing)
    assert client.post("/v1/decide", json=asked("visitor-17")).json()["fallback"] is True
    decide, look_up, _ = spans(services, exporter)
    assert (decide.status.is_unset, look_up.status.description) == (True, "FeaturesUnavailableError")
    assert (look_up.events, "visitor-" in look_up.to_json()) == ((), False)


def test_a_process_that_is_asked_for_the_console_writes_its_spans_there(tmp_path: Path) -> None:
    environment = {"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "shop"}
    with running(tmp_path, environment=environment) as service:
        assert service.client.post("/v1/decide", json={"user_pseudo_id": "visitor-17"}).status_code == 200
        service.process.terminate()
        assert service.process.wait(timeout=60) == 0
    written = (tmp_path / "service.out").read_text()
    told = json.loads("[" + written.strip().replace("}\n{", "},{") + "]")
    assert {span["name"]: span["attributes"] for span in told} == {
        "put_on_record": {"tactful.decisions": 1},
        "decide": {
            "tactful.requests": 1,
            "tactful.refused": 0,
            "tactful.fallbacks": 1,
            "tactful.models": [f"{MODEL} none"],
        },
    }
    assert {span["resource"]["attributes"]["service.name"] for span in told} == {"shop"}
    assert "visitor-" not in written


def test_without_the_exporter_one_line_names_the_extra_and_the_service_decides(
    services: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, OTLP, None)
    client = services.start(tracing=of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}))
    assert client.post("/v1/decide", json=asked()).status_code == 200
    (line,) = [record.message for record in caplog.records if record.name == "serving.tracing"]
    assert "the extra `otel` brings it" in line


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_an_environment_that_asks_for_no_spans_gets_none(environment: Mapping[str, str]) -> None:
    assert of_environment(environment) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "false"},
    ],
)
def test_an_environment_that_asks_for_spans_gets_them(environment: Mapping[str, str]) -> None:
    assert of_environment(environment) is not None


def test_an_exporter_that_nobody_knows_is_told_by_name(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    services.start(tracing=of_environment({"OTEL_TRACES_EXPORTER": "zipkin"})).get("/healthz")
    (line,) = [record.message for record in caplog.records if record.name == "serving.tracing"]
    assert line == "OTEL_TRACES_EXPORTER says 'zipkin', but known are console, otlp, and none alone."


def test_a_service_that_is_not_asked_for_spans_imports_nothing_of_opentelemetry(tmp_path: Path) -> None:
    # once it looks for champions, MLflow imports some of it for itself
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, env={})
    assert told.stdout.split() == []
