"""A Postgres server of our own: on a free port of loopback, in a folder of its own, gone when it is left."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

DATABASE = "postgres"
PASSWORD = "p@ss,w%rd/?"  # signs that addresses, configuration files and connection strings treat as their own


def programs() -> Path | None:
    """The folder of Postgres' server programs; Debian keeps it off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    return Path(on_path).parent if on_path else found[-1].parent if found else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty database, with its password."""
    beside = programs()
    assert beside is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # Postgres refuses to work for root
        user = "postgres" if os.geteuid() == 0 else None
        secret, data, port = Path(folder, "password"), Path(folder, "data"), _free_port()
        secret.write_text(PASSWORD)
        if user:
            for owned in (folder, secret):
                shutil.chown(owned, user)

        def call(program: str, *arguments: object) -> None:
            subprocess.run(
                [beside / program, *map(str, arguments)], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
            )

        call("initdb", "-D", data, "-U", "owner", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "start", "-D", data, "-w", "-l", Path(folder, "log"), "-o", options)
        try:
            yield f"postgresql://owner:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{DATABASE}"
        finally:
            call("pg_ctl", "stop", "-D", data, "-m", "immediate")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
