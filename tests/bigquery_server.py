"""The part of BigQuery's interface that a query needs, on loopback: it answers as it is told, and notes the query."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ISSUED = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}


@dataclass
class Dialogue:
    """The answer that every query gets, the bodies of the queries and jobs that were asked, and the files loaded.

    The next `unavailable` queries and jobs are answered that the service is not there at the moment. Where the login
    `is_expired`, no token is given for it.
    """

    address: str = ""
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[Sequence[str | None]] = ()
    refusal: str | None = None
    unavailable: float = 0
    is_expired: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    loaded: list[bytes] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, Any]:
        return {
            "kind": "bigquery#queryResponse",
            "jobComplete": True,
            "jobReference": {"projectId": "my-shop-123", "jobId": "job", "location": "EU"},
            "totalRows": str(len(self.rows)),
            "schema": {"fields": [{"name": name, "type": type_, "mode": "NULLABLE"} for name, type_ in self.columns]},
            "rows": [{"f": [{"v": cell} for cell in row]} for row in self.rows],
        }


@contextmanager
def bigquery_server() -> Iterator[Dialogue]:
    """A server, and what is said to it and by it."""
    dialogue = Dialogue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/token" and dialogue.is_expired:
                self._send(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
            elif self.path == "/token":
                self._send(200, {"access_token": "x", "token_type": "Bearer", "expires_in": 3600, **_ISSUED})
            elif dialogue.unavailable > 0:
                dialogue.unavailable -= 1
                self._send(503, {"error": {"message": "try again", "errors": [{"reason": "backendError"}]}})
            elif dialogue.refusal:
                self._send(403, {"error": {"message": dialogue.refusal, "errors": [{"reason": "accessDenied"}]}})
            else:
                dialogue.asked.append(json.loads(body))
                self._send(200, dialogue.answer)

        def do_PUT(self) -> None:
            """A file that a job loads, whose description was posted to the same address before."""
            dialogue.loaded.append(self.rfile.read(int(self.headers["Content-Length"])))
            job = {
                "jobReference": dialogue.answer["jobReference"],
                "configuration": dialogue.asked[-1]["configuration"],
            }
            self._send(200, {**job, "status": {"state": "DONE"}})

        def _send(self, code: int, content: dict[str, Any]) -> None:
            self.send_response(code)
            self.send_header("Location", f"{dialogue.address}{self.path}")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        dialogue.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield dialogue
        server.shutdown()


def write_credentials(folder: Path, address: str) -> Path:
    """Application default credentials of a foreign identity, which the server at `address` trades for a token."""
    subject = folder / "subject"
    subject.write_text("x")
    file = folder / "credentials.json"
    stated = {
        "type": "external_account",
        "audience": "loopback",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{address}/token",
        "credential_source": {"file": str(subject)},
    }
    file.write_text(json.dumps(stated))
    return file
