"""The process that serves: uvicorn, and what of garbage collection and of threads would be felt."""

import gc
import socket
import sys

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """uvicorn's server, which no longer looks through what was loaded before it answers.

    Garbage collection walks over every object that lives, here hundreds of thousands of Feast's, pandas' and ours that
    stay for good: a pause that one request in a hundred would meet.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)


def run(service: ASGIApp, listening: socket.socket) -> None:
    """Answer on `listening` until interrupted; uvicorn takes uvloop and httptools where they are installed."""
    # who waits for the interpreter gets it after this long: at 5 ms, a look-up could miss its deadline under load
    sys.setswitchinterval(0.0005)
    config = uvicorn.Config(service, log_level="warning", access_log=False, proxy_headers=False, server_header=False)
    Server(config).run(sockets=[listening])
