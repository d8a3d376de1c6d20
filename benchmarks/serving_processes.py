"""The services that are measured, each in processes of its own, and what these use of the machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import httpx
import psutil

from benchmarks.serving_shop import MODEL, Shop, bodies, champion

PROGRAMS = Path(sys.executable).parent
MOST_CONNECTIONS = 512
"""What one address may hold of the decision service, unless its settings say otherwise."""


@dataclass(frozen=True)
class Running:
    """A service that answers on `port`, in `processes`."""

    port: int
    processes: tuple[psutil.Process, ...]

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far, with its children."""
        used = (each.cpu_times() for process in self.processes for each in _family(process))
        return float(sum(times.user + times.system for times in used))

    def mebibytes(self) -> float:
        """Memory that it uses now."""
        used = sum(each.memory_info().rss for process in self.processes for each in _family(process))
        return float(used) / 1024**2


def ours(shop: Shop, listening: socket.socket, engine: str = "onnx", features_kept: float = 0.0) -> None:
    """The decision service, as `tactful serve` runs it."""
    from serving import server
    from serving.app import create_app
    from serving.audit import AuditLog
    from serving.champions import Champions
    from serving.features import FeastFeatures
    from serving.keys import Keyring
    from serving.patience import FeaturesInTime

    app = create_app(
        Champions(shop.tracking_uri, (MODEL,), shop.folder / "bundles", engine=engine),
        FeaturesInTime(FeastFeatures(shop.open_store, patience=0.05), deadline=0.05),
        AuditLog(shop.folder / "decisions.sqlite"),
        Keyring.read(shop.folder / "keys.json"),
        features_kept=features_kept,
    )
    server.run(app, listening, MOST_CONNECTIONS)


def one_call_each(shop: Shop, listening: socket.socket) -> None:
    """The peer of that name."""
    from benchmarks import serving_peers
    from serving import server

    server.run(serving_peers.one_call_each(shop), listening)


def bare(_: Shop, listening: socket.socket) -> None:
    """The peer of that name."""
    from benchmarks import serving_peers

    serving_peers.Bare.serve(listening)


def chain(shop: Shop, listening: socket.socket, feast: str, mlflow: str) -> None:
    """The peer of that name; its two servers run already."""
    from benchmarks import serving_peers
    from serving import server

    server.run(serving_peers.chain(shop, feast, mlflow), listening)


@contextmanager
def service(shop: Shop, serve: Callable[..., None], *others: object) -> Iterator[Running]:
    """A service in a process of its own, once it answers."""
    # Feast asks for it where it is imported, as it is here: each figure for Prometheus would be written to a file
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        process = get_context("spawn").Process(target=serve, args=(shop, listening, *others))
        process.start()
        port = listening.getsockname()[1]
        try:
            headers = {"authorization": f"Bearer {shop.token}", "content-type": "application/json"}
            httpx.post(
                f"http://127.0.0.1:{port}/v1/decide", content=bodies(1)[0], headers=headers, timeout=180
            ).raise_for_status()
            yield Running(port, (psutil.Process(process.pid),))
        finally:
            process.terminate()
            process.join()


@contextmanager
def whole_chain(shop: Shop) -> Iterator[Running]:
    """FastAPI, `feast serve` and `mlflow models serve`."""
    import mlflow.xgboost

    model = shop.folder / "mlflow_model"
    mlflow.xgboost.save_model(champion().booster, model)
    with ExitStack() as running:
        ports = [_free_port(), _free_port()]
        feast_command = [PROGRAMS / "feast", "-c", shop.repository, "serve", "-p", str(ports[0]), "--no-access-log"]
        mlflow_command = [PROGRAMS / "mlflow", "models", "serve", "-m", model, "-p", str(ports[1])]
        feast = running.enter_context(_program(feast_command, f"http://127.0.0.1:{ports[0]}/health"))
        served = running.enter_context(
            _program([*mlflow_command, "--env-manager", "local"], f"http://127.0.0.1:{ports[1]}/ping")
        )
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        front = running.enter_context(service(shop, chain, *addresses))
        yield Running(front.port, (*front.processes, feast, served))


@contextmanager
def _program(command: list[object], health: str) -> Iterator[psutil.Process]:
    stated = [str(each) for each in command]
    # MLflow calls uvicorn by its name
    found = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(stated, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=found) as process:
        try:
            _wait_for(health, process)
            yield psutil.Process(process.pid)
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
            process.terminate()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{address} does not answer.")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]
