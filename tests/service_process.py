"""The decision service in a process of its own, over a home in which nothing has run.

It logs to `service.log` and prints to `service.out`.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from serving import main
from tactful.settings import Settings
from tests.conftest import PROJECT

SERVE = """
import os, socket, sys
from tactful.settings import Settings
from serving import server
from serving.main import create_app_from_settings
from serving.tracing import of_environment

most = int(sys.argv[3]) if sys.argv[3:] else None
service = create_app_from_settings(Settings(home=sys.argv[1]), tracing=of_environment(os.environ))
server.run(service, socket.socket(fileno=int(sys.argv[2])), most)
"""


@dataclass(frozen=True)
class Service:
    """A running service, a client with a key of it, and where it listens."""

    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    port: int


@contextmanager
def running(
    home: Path, most_connections: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """The service of `home`, with more in its environment; what it is asked before it answers waits in the backlog."""
    main.create_app_from_settings(Settings(home=home))
    token = (home / "decisions" / "local.key").read_text()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        port, descriptor = listening.getsockname()[1], listening.fileno()
        stated = [str(home), str(descriptor), *([] if most_connections is None else [str(most_connections)])]
        with (home / "service.log").open("ab") as log, (home / "service.out").open("ab") as out:
            command = [sys.executable, "-c", SERVE, *stated]
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**os.environ, **(environment or {})},
                pass_fds=[descriptor],
                stdout=out,
                stderr=log,
            )
    headers = {"authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers=headers) as client:
            yield Service(process, client, port)
    finally:
        process.kill()
        process.wait()
