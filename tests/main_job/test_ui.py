"""Looking at what the main job made."""

import socket

from tests.conftest import Ran, tactful


def test_a_port_in_use(ran: Ran) -> None:
    with socket.socket() as taken, socket.socket() as free:
        for port in (taken, free):
            port.bind(("127.0.0.1", 0))
        taken.listen()
        in_use, not_in_use = (str(port.getsockname()[1]) for port in (taken, free))
        free.close()
        outcome = tactful("ui", home=ran.home, TACTFUL_DAGSTER_PORT=not_in_use, TACTFUL_MLFLOW_PORT=in_use)

    assert outcome.returncode == 1
    assert f"Port {in_use} of MLflow" in outcome.stderr
    assert "set TACTFUL_MLFLOW_PORT to a free one" in outcome.stderr
