"""A webhook on loopback that keeps what it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Receiver:
    """What was told, and the URL under which Apprise tells it."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    is_refusing: bool = False


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that listens while the block runs."""
    heard = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not heard.is_refusing:
                heard.told.append(told)
            self.send_response(500 if heard.is_refusing else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.url = f"json://user:hush@127.0.0.1:{server.server_port}/hush"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield heard
        server.shutdown()
