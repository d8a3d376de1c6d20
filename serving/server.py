"""The process that serves: uvicorn, and what of garbage collection, threads and late requests would be felt."""

import contextlib
import gc
import signal
import socket
import sys
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from serving import logs
from serving.connections import Connection, Door

DRAIN = 8
"""Seconds that requests in work have to end once the service is told to."""


class Server(uvicorn.Server):
    """uvicorn's server, which ends what comes too late, and no longer looks through what was loaded beforehand.

    Garbage collection walks over every object that lives, here hundreds of thousands of Feast's, pandas' and ours that
    stay for good: a pause that one request in a hundred would meet.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    async def on_tick(self, counter: int) -> bool:
        # a look at all connections twice a second costs requests nothing
        if counter % 5 == 0:
            for connection in [each for each in self.server_state.connections if isinstance(each, Connection)]:
                connection.end_if_late(connection.loop.time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # a stream lasts as long as its session, and the end would wait for it
        state = getattr(self.config.app, "state", None)
        getattr(state, "end_streams", lambda: None)()
        await super().shutdown(sockets)


def run(service: ASGIApp, listening: socket.socket, most_connections: int | None = None) -> None:
    """Answer on `listening` until told to end by SIGTERM or SIGINT, and then end what is in work.

    `most_connections` is how many one address may hold.
    """
    logs.configure()
    # who waits for the interpreter gets it after this long: at 5 ms, a look-up could miss its deadline under load
    sys.setswitchinterval(0.0005)
    # uvicorn raises the signal again once all is done; to have done as told is no failure
    signal.signal(signal.SIGTERM, lambda *_: None)
    with contextlib.suppress(KeyboardInterrupt):
        Server(configured(service, most_connections)).run(sockets=[listening])


def configured(service: ASGIApp, most_connections: int | None = None) -> uvicorn.Config:
    """How uvicorn serves; it takes uvloop where it is installed."""
    short_way = getattr(getattr(service, "state", None), "short_way", None)
    return uvicorn.Config(
        service,
        # a class, but for some arguments
        http=partial(Connection, door=Door(most_connections), short_way=short_way),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN,
    )
