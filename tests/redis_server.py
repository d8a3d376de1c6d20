"""A redis-server of our own: on a free port of loopback, without persistence, gone when it is left."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "redis-server"


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Feast's connection string for a server that works in `folder`."""
    port = free_port()
    with redis_process(folder, port):
        yield f"127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def redis_process(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """A server on `port`, once it answers."""
    stated = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(folder)}
    options = [argument for name, value in stated.items() for argument in (f"--{name}", value)]
    with subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE, text=True) as server:
        said = []
        for line in server.stdout or ():
            said.append(line)
            if "Ready to accept connections" in line:
                break
        else:
            raise RuntimeError(f"{PROGRAM} did not start: {''.join(said)}")
        try:
            yield server
        finally:
            server.terminate()
