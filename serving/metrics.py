"""What Prometheus is told of the service: decisions, batches, times, and what keeps it from deciding well."""

import time
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.answers import Decision

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The service's figures since it began; no client and no visitor is in them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "tactful_decisions", "Decisions that were answered.", ["action", "reason", "model"], registry=self.registry
        )
        self._fallbacks = Counter(
            "tactful_fallbacks", "Decisions made without a score.", ["reason", "model"], registry=self.registry
        )
        self._sizes = Histogram(
            "tactful_batch_size", "Requests decided together.", buckets=_SIZES, registry=self.registry
        )
        self._seconds = Histogram(
            "tactful_request_seconds",
            "From a request's head to its answer.",
            ["address", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._steps = Histogram(
            "tactful_step_seconds",
            "Of what is decided together: its look-up of features, and its way to the disk.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        # finding a label takes longer than observing it
        self._answered: dict[tuple[str, int], Histogram] = {}

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Tell of a number that is read when it is asked for."""
        Gauge(f"tactful_{name}", what, registry=self.registry).set_function(read)

    def feature_cache(self) -> Callable[[int, int], None]:
        """What counts users whose features were kept in memory, and users whose features were not."""
        looked_up = Counter(
            "tactful_feature_cache", "Users looked up, by whether they were kept.", ["result"], registry=self.registry
        )
        hits, misses = looked_up.labels("hit"), looked_up.labels("miss")

        def count(kept: int, others: int) -> None:
            hits.inc(kept)
            misses.inc(others)

        return count

    def time(self, part: object, method: str, step: str) -> None:
        """From now on, time each call of a method of `part`, be it one that fails."""
        call, observe = getattr(part, method), self._steps.labels(step).observe

        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                observe(time.perf_counter() - begun)

        setattr(part, method, timed)

    def counted(
        self, decide: Callable[[Sequence[Ask]], Sequence[Answer]]
    ) -> Callable[[Sequence[Ask]], Sequence[Answer]]:
        """`decide`, whose batches and decisions are counted, once a batch."""

        def counting(batch: Sequence[Ask]) -> Sequence[Answer]:
            answers = decide(batch)
            self._sizes.observe(len(batch))
            decided = (each for each in answers if isinstance(each, Decision))
            tally = Tally((each.action, each.reason, each.model.name, each.fallback) for each in decided)
            for (action, reason, model, is_fallback), count in tally.items():
                self._decisions.labels(action, reason, model).inc(count)
                if is_fallback:
                    self._fallbacks.labels(reason, model).inc(count)
            return answers

        return counting

    def answered(self, address: str, status: int, seconds: float) -> None:
        """Count a request that was answered at one of the service's addresses."""
        seen = address, status
        if seen not in self._answered:
            self._answered[seen] = self._seconds.labels(address, str(status))
        self._answered[seen].observe(seconds)

    def routes(self) -> list[Route]:
        return [Route("/metrics", self._tell)]

    async def _tell(self, _: Request) -> Response:
        told = prometheus_client.generate_latest(self.registry)
        return Response(told, headers={"content-type": prometheus_client.CONTENT_TYPE_LATEST})


def paths() -> dict[str, object]:
    """The part of the OpenAPI document."""
    return {"/metrics": {"get": {"summary": "Figures for Prometheus", "responses": {"200": {"description": "Text."}}}}}
