"""Everything that a person looks at, started together and stopped together."""

import signal
import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tactful import home
from tactful.dbt import ensure_manifest
from tactful.known import known_source
from tactful.pages import Page
from tactful.processes import started
from tactful.settings import PREFIX, Settings

LOOPBACK = "127.0.0.1"
_PATIENCE = 120.0
_TICK = 0.5


class UiError(RuntimeError):
    """The pages can't be shown; the message says which, and why."""


@dataclass(frozen=True)
class Server:
    """A process that serves `page`; `port` is None where it serves none itself, `setting` is what moves the port.

    `others` are other pages of its port, by what they are.
    """

    page: Page
    name: str
    command: Sequence[str]
    port: int | None = None
    setting: str = ""
    path: str = "/"
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """The name of the file of its output."""
        return f"{self.name.split(':')[0].lower().replace(' ', '_')}.log"

    @property
    def address(self) -> str:
        return self.address_of(self.path)

    def address_of(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self.port}{path}"


def servers(settings: Settings, pages: Collection[Page] = tuple(Page)) -> tuple[Server, ...]:
    """The servers of a home's pages."""
    python = sys.executable
    beside = Path(python).parent
    workspace = str(home.PROJECT / "workspace.yaml")
    host, dagster, mlflow = settings.host, settings.dagster_port, settings.mlflow_port
    every = (
        Server(
            Page.DAGSTER,
            "Dagster: runs, lineage, checks",
            [str(beside / "dagster-webserver"), "-w", workspace, "-h", host, "-p", str(dagster)],
            dagster,
            "DAGSTER_PORT",
            "/asset-groups",
        ),
        Server(Page.DAGSTER, "Dagster's daemon", [str(beside / "dagster-daemon"), "run", "-w", workspace]),
        Server(
            Page.MLFLOW,
            "MLflow: experiments, registry",
            [python, "-m", "mlflow", "server", "--host", host, "--port", str(mlflow)],
            mlflow,
            "MLFLOW_PORT",
            "/#/models",
        ),
        Server(
            Page.DECISIONS,
            "Decision API",
            [python, "-m", "tactful", "serve"],
            settings.decision_port,
            "DECISION_PORT",
            "/docs",
            {"Demonstration shop": "/demo"},
        ),
        Server(
            Page.REPORTS,
            "Reports: expectations, drift",
            [
                python,
                "-m",
                "http.server",
                str(settings.reports_port),
                "--bind",
                host,
                "--directory",
                str(settings.home / "reports"),
            ],
            settings.reports_port,
            "REPORTS_PORT",
        ),
    )
    return tuple(server for server in every if server.page in pages)


def show(settings: Settings, console: Console, pages: Collection[Page] = tuple(Page)) -> None:
    """Start the servers of the pages, print their addresses, and stop them on Ctrl-C or SIGTERM.

    Raises:
        UiError: a port is in use, or a server ended by itself.
        SettingsError: nothing has run in the home yet.
    """
    settings = settings.model_copy(update={"demo_shop": True})
    home.prepare(settings)
    home.require_run(settings)
    source = known_source(settings)
    if source.trouble:
        console.print(f"[yellow]Nothing can be built now:[/] {escape(source.trouble)}")
    if Page.DAGSTER in pages:
        ensure_manifest(settings, source)
    to_start = servers(settings, pages)
    for server in to_start:
        _refuse_used_port(server)
    with ExitStack() as stack:
        stack.enter_context(home.watched(settings))
        stop = stack.enter_context(_stopping())
        running = [
            (server, stack.enter_context(started(server.command, home.environment(settings), home.PROJECT, log)))
            for server in to_start
            for log in [_fresh_log(settings, server)]
        ]
        with console.status("Starting; this takes about half a minute."):
            _until_all_answer(running, stop)
        if not stop:
            console.print(_addresses(to_start))
            if Page.DECISIONS in pages:
                console.print(f"The key of the decision API lies in {settings.home / 'decisions' / 'local.key'}.")
            console.print("Ctrl-C stops what was started.")
        while not stop:
            _refuse_ended(running)
            time.sleep(_TICK)
        console.print("Stopping.")


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """A list that holds the signal once one has asked to stop."""
    asked: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fresh_log(settings: Settings, server: Server) -> Path:
    """The file of a server's output; what the start before it wrote lies beside it."""
    log = settings.home / "logs" / server.log
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))
    return log


def _refuse_used_port(server: Server) -> None:
    if server.port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, server.port))
        except OSError:
            raise UiError(
                f"Port {server.port} of {server.name} is in use: set {PREFIX}{server.setting} to a free one."
            ) from None


def _until_all_answer(running: Sequence[tuple[Server, "Popen[bytes]"]], stop: Sequence[int]) -> None:
    deadline = time.monotonic() + _PATIENCE
    waiting = [server for server, _ in running if server.port is not None]
    while waiting and not stop:
        _refuse_ended(running)
        if time.monotonic() > deadline:
            late = waiting[0]
            raise UiError(f"{late.name} does not answer at {late.address}; logs/{late.log} of the home tells why.")
        waiting = [server for server in waiting if not _answers(server)]
        time.sleep(_TICK)


def _refuse_ended(running: Sequence[tuple[Server, "Popen[bytes]"]]) -> None:
    for server, process in running:
        if process.poll() is not None:
            code = process.returncode
            raise UiError(f"{server.name} ended with exit code {code}; logs/{server.log} of the home tells why.")


def _answers(server: Server) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_TICK)
        return probe.connect_ex((LOOPBACK, server.port)) == 0


def _addresses(to_show: Sequence[Server]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for server in to_show:
        if server.port is not None:
            table.add_row(f"[bold]{server.name}[/]", server.address)
            for name, path in server.others.items():
                table.add_row(f"[bold]{name}[/]", server.address_of(path))
    return table
