"""A load generator: keeps connections open, asks in turn, and tells how long answers took.

Closed loop: each connection asks again when it has its answer. Open loop: requests come at a rate, whether answers come
or not, and their time runs from when they were due. A connection that is closed is opened again after a second.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import httptools
import numpy as np
import uvloop


@dataclass(frozen=True)
class Load:
    """Whom to ask what: `bodies` go to `path` in turn for `seconds`, at `rate` a second or as fast as answers come.

    A `{place}` in `path` is the number of the body.
    """

    port: int
    path: str
    token: str
    bodies: Sequence[bytes]
    connections: int
    seconds: float
    rate: float | None = None
    warm_up: float = 1.0


@dataclass(frozen=True)
class Answered:
    """What came: answers a second of status 200, their milliseconds, answers by status, and how many were fallbacks.

    `p99_sent` is the time from when a request was sent: of more than can be sent, some wait here for a connection.
    `decided` counts the answers of status 200 to all that was asked, the warm-up with it. `turned_away` counts
    connections that were closed, be it with an answer to what was asked over them; `unanswered` those without one.
    """

    per_second: float
    decided: int
    p50: float
    p90: float
    p99: float
    p99_sent: float
    statuses: dict[int, int]
    fallbacks: int
    without_retry_after: int
    turned_away: int
    unanswered: int


def run(load: Load) -> Answered:
    """Ask, and wait for the last answer."""
    return uvloop.run(_run(load))


async def _run(load: Load) -> Answered:
    crowd = _Crowd(load)
    for _ in range(load.connections):
        await crowd.open()
    begun = time.perf_counter()
    ends = begun + load.warm_up + load.seconds
    if load.rate is None:
        crowd.is_closed = True
        while crowd.idle:
            crowd.idle.popleft().ask(time.perf_counter())
        await asyncio.sleep(ends - time.perf_counter())
        crowd.is_closed = False
    else:
        await _arrive(crowd, begun, ends, load.rate)
    patience = time.perf_counter() + 10
    while (crowd.asking or crowd.due) and time.perf_counter() < patience:
        await asyncio.sleep(0.01)
    crowd.is_over = True
    return crowd.told(begun + load.warm_up, load.seconds)


async def _arrive(crowd: "_Crowd", begun: float, ends: float, rate: float) -> None:
    """Requests at random moments, `rate` a second on average."""
    gaps = np.random.default_rng(0).exponential(1 / rate, round((ends - begun) * rate * 1.1) + 100)
    moments = deque((begun + np.cumsum(gaps)).tolist())
    while moments and moments[0] < ends:
        now = time.perf_counter()
        while moments and moments[0] <= now:
            crowd.arrive(moments.popleft())
        await asyncio.sleep(0)


class _Crowd:
    """All connections, and what they were answered."""

    def __init__(self, load: Load) -> None:
        paths = [load.path.replace("{place}", str(place)) for place in range(len(load.bodies))]
        head = f"HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {load.token}\r\ncontent-type: application/json\r\n"
        self.asked = [
            f"POST {path} {head}content-length: {len(body)}\r\n\r\n".encode() + body
            for path, body in zip(paths, load.bodies, strict=True)
        ]
        self.port = load.port
        self.next = 0
        self.is_closed = self.is_over = False
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        self.asking = 0
        self.answers: list[tuple[float, float, float, int]] = []
        self.fallbacks = 0
        self.without_retry_after = self.turned_away = self.unanswered = 0
        self.opening: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self.port)

    def lost(self, connection: "_Connection") -> None:
        """Open another in the place of `connection`, after a second."""
        if self.is_over:
            return
        self.turned_away += 1
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.is_asking:
            self.asking -= 1
            self.unanswered += 1
        task = asyncio.ensure_future(self._open_later())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def _open_later(self) -> None:
        await asyncio.sleep(1.0)
        if not self.is_over:
            await self.open()

    def arrive(self, due: float) -> None:
        if self.idle:
            self.idle.popleft().ask(due)
        else:
            self.due.append(due)

    def one(self) -> bytes:
        self.next = (self.next + 1) % len(self.asked)
        return self.asked[self.next]

    def told(self, begun: float, seconds: float) -> Answered:
        counted = [answer for answer in self.answers if begun <= answer[0] <= begun + seconds]
        times = [(at, due, sent) for at, due, sent, status in counted if status == 200] or [(np.nan, 0.0, 0.0)]
        at, due, sent = np.array(times).T
        p50, p90, p99 = (float(np.percentile(1000 * (at - due), share)) for share in (50, 90, 99))
        p99_sent = float(np.percentile(1000 * (at - sent), 99))
        statuses = Counter(status for *_, status in counted)
        per_second, decided = statuses[200] / seconds, sum(status == 200 for *_, status in self.answers)
        refusals = dict(statuses), self.fallbacks, self.without_retry_after, self.turned_away, self.unanswered
        return Answered(per_second, decided, p50, p90, p99, p99_sent, *refusals)


class _Connection(asyncio.Protocol):
    def __init__(self, crowd: _Crowd) -> None:
        self.crowd = crowd
        self.due = self.sent = 0.0
        self.is_asking = self.retry_after = False
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask_next(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's name
        self.crowd.lost(self)

    def ask(self, due: float) -> None:
        self.due, self.sent, self.is_asking = due, time.perf_counter(), True
        self.crowd.asking += 1
        self.transport.write(self.crowd.one())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, _: bytes) -> None:
        self.retry_after |= name == b"retry-after"

    def on_body(self, body: bytes) -> None:
        self.crowd.fallbacks += body.count(b'"fallback":true')

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.crowd.without_retry_after += status in (429, 503) and not self.retry_after
        now = time.perf_counter()
        if self.is_asking:
            self.crowd.asking -= 1
            self.crowd.answers.append((now, self.due, self.sent, status))
        self.is_asking = self.retry_after = False
        if self.parser.should_keep_alive():
            self.parser = httptools.HttpResponseParser(self)
            self._ask_next(now)

    def _ask_next(self, now: float) -> None:
        if self.crowd.is_closed:
            self.ask(now)
        elif self.crowd.due:
            self.ask(self.crowd.due.popleft())
        else:
            self.crowd.idle.append(self)
