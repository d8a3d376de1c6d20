"""`DELETE /v1/users/...`: a wish on record, and what would be used of the visitor from now on forgotten at once."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from ga4_export.privacy import Privacy, pseudonym
from serving import erasures
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.keys import Keyring, KeyScope
from serving.patience import FeaturesInTime
from serving.session_redis import SessionsInRedis
from tests.serving.conftest import MODEL, Services, feast_on, listening
from tests.serving.test_app import asked
from tests.serving.test_sessions import live, scrolls, send
from tests.serving.test_stream import told

if TYPE_CHECKING:
    from feast import FeatureStore

LATER = ["landed", "quarantine", "warehouse", "offline_features", "training_sets", "decision_log", "decisions"]


class Shop(Services):
    """Services over a feature store of their own, from which a visitor may be erased."""

    @property
    def erases(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token('desk', scopes=(KeyScope.ERASE,))}"}


@pytest.fixture
def shop(tmp_path: Path, registry: Any) -> Iterator[Shop]:
    folder = feast_on(tmp_path, "{type: sqlite, path: online.db}")

    def opened() -> "FeatureStore":
        from feast import FeatureStore

        return FeatureStore(repo_path=str(folder))

    shop = Shop(tmp_path, registry, opened)
    with shop.running:
        yield shop


def missing(client: httpx.Client, user: str) -> list[str]:
    answer = client.post("/v1/decide", json=asked(user))
    return list(answer.raise_for_status().json()["features_missing"])


def delete(client: httpx.Client, user: str, headers: dict[str, str]) -> httpx.Response:
    return client.delete(f"/v1/users/{quote(user, safe='')}", headers=headers)


def test_a_visitor_is_forgotten_at_once_and_the_rest_is_told(shop: Shop) -> None:
    erases = shop.erases
    client = shop.start(live=live(), features_kept=3600.0)
    send(client, scrolls(2))
    send(client, scrolls(2, user_pseudo_id="old"), "old.1")
    known = missing(client, "known")

    with client.stream("GET", "/v1/sessions/known.1/stream") as stream:
        lines = stream.iter_lines()
        assert told(lines)[0] == "flag"
        answer = delete(client, "known", erases)
        assert told(lines) == ("end", {})

    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["erased"], taken["to_erase"]) == (["online_store", "sessions"], LATER)
    assert known == []
    assert set(missing(client, "known")) == {"spend_usd", "purchases"}
    assert client.get("/v1/sessions/known.1/stream").status_code == 404
    with client.stream("GET", "/v1/sessions/old.1/stream") as stream:
        assert stream.status_code == 200, "another's session goes on"
        assert told(stream.iter_lines())[0] == "flag"


def test_a_wish_is_on_record_once_however_often_it_is_asked_and_names_who_asked(shop: Shop) -> None:
    erases, other = shop.erases, {"authorization": f"Bearer {shop.token('blog', scopes=(KeyScope.ERASE,))}"}
    client = shop.start()

    first, again = (delete(client, "known", erases) for _ in range(2))
    by_another = delete(client, "known", other)

    assert (again.status_code, again.json()) == (202, first.json())
    wishes = {wish.erasure_id: wish for wish in erasures.to_do(shop.audit.file)}
    assert {each.json()["erasure_id"]: client for each, client in ((first, "desk"), (by_another, "blog"))} == {
        erasure_id: wish.client for erasure_id, wish in wishes.items()
    }
    wish = wishes[first.json()["erasure_id"]]
    assert (wish.user_pseudo_id, wish.stored_id, wish.asked_at) == ("known", "known", first.json()["asked_at"])


def test_what_is_carried_out_names_nobody_and_can_be_asked_anew(shop: Shop) -> None:
    erases = shop.erases
    client, record = shop.start(), shop.audit.file
    first = delete(client, "1234567890.1767600000", erases).json()

    erasures.mark_done(record, erasures.to_do(record), 7)

    assert erasures.to_do(record) == []
    assert b"1234567890.1767600000" not in b"".join(file.read_bytes() for file in record.parent.glob(f"{record.name}*"))
    with closing(sqlite3.connect(record)) as kept:
        assert kept.execute("select * from erasures").fetchall() == [
            (first["erasure_id"], "desk", "(erased)", "(erased)", first["asked_at"], 7)
        ]
    assert delete(client, "1234567890.1767600000", erases).json()["erasure_id"] != first["erasure_id"]


@pytest.mark.parametrize(
    ("user", "status"),
    [("", 422), (" ", 422), ("a\nb", 422), ("\x00", 422), ("x" * 129, 422), ("a/b?c#d%20é", 202)],
)
def test_an_id_keeps_the_rules_of_a_request_s(shop: Shop, user: str, status: int) -> None:
    erases = shop.erases
    answer = delete(shop.start(), user, erases)

    assert answer.status_code == status
    if status == 202:
        assert [wish.user_pseudo_id for wish in erasures.to_do(shop.audit.file)] == [user]
    else:
        assert (answer.json()["code"], answer.json()["field"]) == ("E_FIELD", "user_pseudo_id")
        assert erasures.to_do(shop.audit.file) == []


def test_who_may_not_erase_erases_nobody(shop: Shop) -> None:
    client = shop.start()

    answers = [delete(client, "known", headers) for headers in ({}, {"authorization": "Bearer tac_wrong"})]

    assert [answer.status_code for answer in answers] == [403, 401]
    assert (missing(client, "known"), erasures.to_do(shop.audit.file)) == ([], [])


def test_with_a_key_the_visitor_is_forgotten_by_the_pseudonym_and_suppressed_by_ga4_s_id(shop: Shop) -> None:
    erases, key = shop.erases, "k" * 32
    app = create_app(
        Champions(shop.registry.tracking_uri, (MODEL,), shop.registry.folder / "bundles"),
        FeaturesInTime(FeastFeatures(shop.open_store), deadline=30),
        shop.audit,
        Keyring.read(shop.folder / "keys.json"),
        privacy=Privacy(pseudonym_key=key),
    )

    with listening(app, "") as client:
        assert delete(client, "known", erases).status_code == 202

    (wish,) = erasures.to_do(shop.audit.file)
    assert (wish.user_pseudo_id, wish.stored_id) == ("known", pseudonym(key, "known"))


def test_a_store_that_is_away_is_left_to_be_done_and_the_wish_is_on_record(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    erases = shop.erases
    client = shop.start(live=live(sessions=SessionsInRedis("redis://127.0.0.1:1/0")))
    (shop.folder / "registry.db").write_bytes(b"\xff\xff not protobuf")

    with caplog.at_level(logging.WARNING):
        answer = delete(client, "known", erases)

    assert answer.status_code == 202
    assert (answer.json()["erased"], answer.json()["to_erase"]) == ([], ["online_store", "sessions", *LATER])
    assert [wish.user_pseudo_id for wish in erasures.to_do(shop.audit.file)] == ["known"]
    assert "A visitor who is to be erased still has features." in caplog.text
    assert "known" not in "".join(
        record.getMessage() for record in caplog.records if record.name == "serving.forgetting"
    )


def test_a_wish_that_can_not_be_put_on_record_is_refused_and_nothing_is_erased(shop: Shop) -> None:
    erases = shop.erases
    shop.folder.joinpath("no_folder").touch()
    shop.audit = AuditLog(shop.folder / "no_folder" / "decisions.sqlite")
    client = shop.start()

    answer = delete(client, "known", erases)

    assert (answer.status_code, answer.json()["code"]) == (503, "E_AUDIT_UNAVAILABLE")
    views = {"user_features": {"purchases": "int64"}}
    assert FeastFeatures(shop.open_store).read(["known"], views)["user_features"].columns["purchases"] == [2]


def test_no_visitor_is_in_the_metrics(shop: Shop) -> None:
    erases = shop.erases
    client = shop.start()
    delete(client, "known", erases)

    told_of = client.get("/metrics").text

    assert 'address="/v1/users/{user_pseudo_id}"' in told_of
    assert "known" not in told_of.replace("unknown", "")
