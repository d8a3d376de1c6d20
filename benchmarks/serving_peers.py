"""What the decision service is measured beside, built of the same parts: key, features, model, audit row, answer.

`one_call_each`: FastAPI, and in each request one `get_online_features`, one `inplace_predict`, one commit to SQLite.
`chain`: FastAPI in front of `feast serve` in front of `mlflow models serve`, and the same commit.
`Bare`: none of these parts; it reads requests and answers all alike.
"""

import asyncio
import json
import socket
import sqlite3
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import httptools
import httpx
import numpy as np
import uvloop
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

from benchmarks.online_write import FEATURES, TABLE
from benchmarks.serving_shop import Shop, champion
from ml import policy
from ml.pipelines import log_odds

REFERENCES = [f"{TABLE.view}:{column.name}" for column in FEATURES]
AS_JSON = {"content-type": "application/json"}
_TABLE = "create table decisions (id text primary key, request text, features text, score real, action text) strict"


class Visitor(BaseModel):
    """The request that the decision service takes too."""

    user_pseudo_id: str
    at: int
    profile: dict[str, str | float]


class Audit:
    """One row a decision, flushed to the disk before its answer."""

    def __init__(self, shop: Shop) -> None:
        self.using = threading.Lock()
        self.connection = sqlite3.connect(shop.folder / f"{uuid.uuid4()}.sqlite", check_same_thread=False)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = full")
        self.connection.execute(_TABLE)

    def append(self, asked: Visitor, features: Mapping[str, Any], score: float) -> dict[str, Any]:
        """The answer, once it is on record."""
        action = policy.decide(score, 0.5).action.value
        row = (str(uuid.uuid4()), asked.model_dump_json(), json.dumps(features), score, action)
        with self.using, self.connection:
            self.connection.execute("insert into decisions values (?, ?, ?, ?, ?)", row)
        return {"decision_id": row[0], "action": action, "score": score}


def one_call_each(shop: Shop) -> FastAPI:
    """The usual service: whatever a request needs is called for that request."""
    store, model, audit, app = shop.open_store(), champion(), Audit(shop), FastAPI()

    @app.post("/v1/decide", dependencies=[Depends(_key_of(shop))])
    def decide(asked: Visitor) -> dict[str, Any]:
        found = store.get_online_features(REFERENCES, [{TABLE.join_key: asked.user_pseudo_id}]).to_dict()
        features = {column.name: found[column.name][0] for column in FEATURES} | asked.profile
        return audit.append(asked, features, float(model.score_rows([features])[0]))

    return app


def chain(shop: Shop, feast: str, mlflow: str) -> FastAPI:
    """The usual parts as servers: features from `feast`, scores from `mlflow`, both addresses."""
    encoding, calibration, audit, app = champion().encoding, champion().calibration, Audit(shop), FastAPI()
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=64), timeout=60)

    @app.post("/v1/decide", dependencies=[Depends(_key_of(shop))])
    async def decide(asked: Visitor) -> dict[str, Any]:
        wanted = {"features": REFERENCES, "entities": {TABLE.join_key: [asked.user_pseudo_id]}}
        found = (await client.post(f"{feast}/get-online-features", json=wanted)).raise_for_status().json()
        names: Sequence[str] = found["metadata"]["feature_names"]
        stored = {name: each["values"][0] for name, each in zip(names, found["results"], strict=True)}
        features = {column.name: stored[column.name] for column in FEATURES} | asked.profile
        row = encoding.transform({name: [value] for name, value in features.items()})[0]
        # with NaN, which MLflow's reader takes and httpx's writer would not give
        question = json.dumps({"inputs": [[float(cell) for cell in row]]})
        answer = await client.post(f"{mlflow}/invocations", content=question, headers=AS_JSON)
        (score,) = answer.raise_for_status().json()["predictions"]
        probability = float(calibration.probability(log_odds(np.array(score))))
        return await asyncio.to_thread(audit.append, asked, features, probability)

    return app


class Bare(asyncio.Protocol):
    """What the machine and the load generator give a protocol in Python that decides nothing."""

    body = b'{"decision_id":"00000000-0000-0000-0000-000000000000","action":"nothing"}'
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(self.answer)  # type: ignore[attr-defined]

    @classmethod
    def serve(cls, listening: socket.socket) -> None:
        """Answer on `listening`, for good."""

        async def serving() -> None:
            server = await asyncio.get_running_loop().create_server(cls, sock=listening)
            await server.serve_forever()

        uvloop.run(serving())


def _key_of(shop: Shop) -> Any:
    def check(authorization: Annotated[str, Header()] = "") -> None:
        if authorization != f"Bearer {shop.token}":
            raise HTTPException(401)

    return check
