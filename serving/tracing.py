"""Spans of what is decided, for OpenTelemetry, of which nothing is imported unless the environment asks for spans."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from serving.answers import Decision
from serving.audit import AuditLog
from serving.decisions import Decider
from serving.features import OnlineFeatures
from serving.session_exits import SessionExits

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that the service's end waits for spans that are still to be exported."""


class Tracing:
    """Spans, exported while it is open by a thread of its own; no visitor and no client is in them."""

    def __init__(self, exporters: Callable[[], Iterable["SpanExporter"]]) -> None:
        self._exporters = exporters
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def __enter__(self) -> Self:
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if exporters := list(self._exporters()):
            # the environment's name has the last word
            resource = Resource.create({SERVICE_NAME: "tactful"}).merge(OTELResourceDetector().detect())
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            for exporter in exporters:
                self._provider.add_span_processor(BatchSpanProcessor(exporter))
            self._tracer = self._provider.get_tracer("tactful.serving")
        return self

    def __exit__(self, *_: object) -> None:
        if self._provider is not None:
            # an endpoint that is away would hold the end up for half a minute
            ending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
            ending.start()
            ending.join(PATIENCE)

    def watch(self, decider: Decider, exits: SessionExits, online: OnlineFeatures, audit: AuditLog) -> None:
        """From now on, each batch that is decided is a span, with its look-ups and its write to the record within."""
        for part in decider, exits:
            self._watch(part, "decide", "decide", lambda batch: {"tactful.requests": len(batch)}, _decided)
        self._watch(online, "read", "look_up_features", lambda users, _: {"tactful.users": len(users)})
        self._watch(audit, "append", "put_on_record", lambda rows, *_: {"tactful.decisions": len(rows)})

    def _watch(
        self,
        part: object,
        method: str,
        name: str,
        asked: Callable[..., Mapping[str, int]],
        answered: Callable[[Any], Mapping[str, Any]] = lambda _: {},
    ) -> None:
        call = getattr(part, method)

        def watched(*arguments: Any) -> Any:
            if self._tracer is None:
                return call(*arguments)
            with _span(self._tracer, name, asked(*arguments)) as span:
                answer = call(*arguments)
                span.set_attributes(answered(answer))
                return answer

        setattr(part, method, watched)


def of_environment(environment: Mapping[str, str]) -> Tracing | None:
    """What OpenTelemetry's variables ask for; None where they ask for no spans."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    is_sent = any(environment.get(f"OTEL_EXPORTER_OTLP_{of}ENDPOINT") for of in ("", "TRACES_"))
    stated = environment.get("OTEL_TRACES_EXPORTER") or ("otlp" if is_sent else "none")
    names = [name.strip() for name in stated.split(",")]
    return None if names == ["none"] else Tracing(partial(_exporters, names))


def _exporters(names: Sequence[str]) -> "Iterator[SpanExporter]":
    for name in names:
        if name == "console":
            from opentelemetry.sdk.trace.export import ConsoleSpanExporter

            yield ConsoleSpanExporter()
        elif name == "otlp":
            try:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            except ModuleNotFoundError:
                log.warning("No spans are sent by OTLP: their exporter is not installed; the extra `otel` brings it.")
            else:
                yield OTLPSpanExporter()
        else:
            log.warning("OTEL_TRACES_EXPORTER says %r, but known are console, otlp, and none alone.", name)


@contextmanager
def _span(tracer: "Tracer", name: str, attributes: Mapping[str, int]) -> "Iterator[Span]":
    from opentelemetry.trace import StatusCode

    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            # its message may name a visitor
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def _decided(answers: Sequence[Any]) -> Mapping[str, Any]:
    decided = [each for each in answers if isinstance(each, Decision)]
    return {
        "tactful.refused": len(answers) - len(decided),
        "tactful.fallbacks": sum(each.fallback for each in decided),
        "tactful.models": sorted({f"{each.model.name} {each.model.version or 'none'}" for each in decided}),
    }
