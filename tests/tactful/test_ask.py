"""A question to the decision service is asked of that alone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tactful.ask import AskError, answer_of, ask
from tactful.settings import Settings


@pytest.fixture
def stranger() -> Iterator[tuple[int, list[str | None]]]:
    """The port of a server that is none of ours, and the keys that it was sent."""
    keys: list[str | None] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port, keys
        server.shutdown()


def test_a_stranger_on_the_port_is_named_and_gets_no_key(
    stranger: tuple[int, list[str | None]], tmp_path: Path
) -> None:
    port, keys = stranger
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions" / "local.key").write_text("tac_hush")

    with pytest.raises(AskError, match=f"What answers on port {port} is no decision service"):
        ask(Settings(home=tmp_path, decision_port=port), {"user_pseudo_id": "1.1"})

    assert keys == [None]


@pytest.mark.parametrize("body", [b"", b"oops", b"[1]"])
def test_an_answer_that_is_no_json_object_is_told_in_one_line(body: bytes) -> None:
    with pytest.raises(AskError, match="The service answered 500 with what is no JSON object"):
        answer_of(httpx.Response(500, content=body))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        pytest.param({"field": "events[0].event_timestamp"}, "refused events[0].event_timestamp: Wrong.", id="field"),
        pytest.param({"field": "$"}, "refused: Wrong.", id="whole"),
        pytest.param({}, "refused: Wrong.", id="no-field"),
    ],
)
def test_a_refusal_is_told_with_the_field_that_it_is_about(field: dict[str, str], told: str) -> None:
    with pytest.raises(AskError) as refused:
        answer_of(httpx.Response(422, json={"detail": "Wrong.", **field}))
    assert str(refused.value) == f"The service {told}"
