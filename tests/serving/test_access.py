"""Who is let in: scopes, changes of keys, pages of other sites, rates, and requests that are told again."""

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from serving import keys
from serving.keys import Keyring, KeyScope
from tests.serving.test_app import asked

SITE, OTHER = "https://shop.example", "https://elsewhere.example"


def until(found: Any, right: Any, seconds: float = 20) -> None:
    """Wait until `found()` is `right`."""
    deadline = time.monotonic() + seconds
    while (last := found()) != right:
        assert time.monotonic() < deadline, last


def rows(services: Any) -> int:
    with closing(sqlite3.connect(services.audit.file)) as record:
        return int(record.execute("select count(*) from decisions").fetchone()[0])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_r10_a_key_does_what_its_scopes_say_and_no_more(services: Any) -> None:
    reads, decides = (bearer(services.token("blog", scopes=(scope,))) for scope in (KeyScope.READ, KeyScope.DECIDE))
    client = services.start()
    made = client.post("/v1/decide", json=asked(), headers=decides)
    address = f"/v1/decisions/{made.json()['decision_id']}"
    answers = {
        "decides": [made.status_code, client.get(address, headers=decides).status_code],
        "reads": [
            client.post("/v1/decide", json=asked(), headers=reads).status_code,
            client.get(address, headers=reads).status_code,
        ],
    }
    assert answers == {"decides": [200, 403], "reads": [403, 200]}
    refused = client.post("/v1/decide", json=asked(), headers=reads).json()
    assert (refused["code"], refused["detail"]) == ("E_SCOPE", "The key lacks the scope decide.")
    assert rows(services) == 1


def test_r10_every_bad_key_gets_the_same_refusal_whatever_is_wrong_with_it(services: Any) -> None:
    expired = services.token("shop", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = services.token("blog")
    file = services.folder / "keys.json"
    keys.revoke(file, Keyring.read(file).live("blog", datetime.now(UTC))[0].key_id, datetime.now(UTC))
    client = services.start()
    for address in ("/v1/decide", "/v1/decide:batch"):
        answers = [
            client.post(address, json=asked(), headers={"authorization": header.encode("latin-1")})
            for header in ("", "Bearer tac_wrong", f"Bearer {expired}", f"Bearer {revoked}", "Bearer \u00e9")
        ]
        assert {(answer.status_code, answer.content, str(sorted(answer.headers))) for answer in answers} == {
            (401, answers[0].content, str(sorted(answers[0].headers)))
        }


def test_a_running_service_takes_a_new_key_and_refuses_a_revoked_one(services: Any) -> None:
    client, file = services.start(), services.folder / "keys.json"
    token = services.token("blog")

    def status() -> int:
        return int(client.post("/v1/decide", json=asked(), headers=bearer(token)).status_code)

    until(status, 200)
    keys.revoke(file, Keyring.read(file).live("blog", datetime.now(UTC))[0].key_id, datetime.now(UTC))
    until(status, 401)


def test_a_damaged_key_file_leaves_the_keys_that_were_known(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, file = services.start(), services.folder / "keys.json"
    file.write_text("{")
    until(lambda: "What was known before goes on: Key file" in caplog.text, True)
    assert client.post("/v1/decide", json=asked()).status_code == 200


def preflight(client: httpx.Client, origin: str, method: str = "POST") -> httpx.Response:
    headers = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization, content-type, idempotency-key",
    }
    return client.options("/v1/decide", headers=headers)


def test_a_browser_may_ask_from_the_client_s_sites_and_from_no_other(services: Any) -> None:
    services.set("shop", origins=[SITE])
    client = services.start()
    allowed, refused = preflight(client, SITE), preflight(client, OTHER)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, SITE)
    assert refused.status_code == 400
    assert preflight(client, SITE, "DELETE").status_code == 400, "a page's key is everybody's"
    assert "access-control-allow-origin" not in refused.headers
    answers = [client.post("/v1/decide", json=asked(), headers={"origin": origin}) for origin in (SITE, OTHER)]
    assert [answer.headers.get("access-control-allow-origin") for answer in answers] == [SITE, None]
    assert "access-control-allow-origin" not in client.post("/v1/decide", json=asked()).headers


def refused_pages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "may not ask" in message]


def test_a_site_that_no_client_has_set_is_named_in_the_log_once_with_what_would_let_it(
    services: Any, caplog: pytest.LogCaptureFixture
) -> None:
    services.set("shop", origins=[SITE])
    client = services.start()
    for origin in (SITE, OTHER, "null", OTHER):
        preflight(client, origin)
    client.post("/v1/decide", json=asked(), headers={"origin": str(client.base_url)})
    of_other, of_none = refused_pages(caplog)
    assert of_other == (
        f"Pages of {OTHER} may not ask, as no client's origins name it; "
        f"`tactful clients set CLIENT 'origins=[\"{OTHER}\"]'`, which replaces those it has, lets them."
    )
    assert "A page of no site" in of_none


def test_however_many_sites_ask_a_hundred_are_named(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = services.start()
    for number in range(105):
        preflight(client, f"https://{number}.example")
    assert len(refused_pages(caplog)) == 100


def test_a_page_of_one_client_s_site_may_not_ask_with_another_s_key(services: Any) -> None:
    services.set("blog", origins=[OTHER])
    answer = services.start().post("/v1/decide", json=asked(), headers={"origin": OTHER})
    assert (answer.status_code, answer.json()["code"]) == (403, "E_ORIGIN")


def test_who_asks_more_than_the_client_s_rate_is_told_when_to_come_back_and_others_are_not(services: Any) -> None:
    services.set("shop", rate_limit="3/hour")
    other = bearer(services.token("blog"))
    client = services.start()
    answers = [client.post("/v1/decide", json=asked()) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "E_RATE_LIMIT"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 7200
    assert client.post("/v1/decide", json=asked(), headers=other).status_code == 200
    assert rows(services) == 4


def test_a_list_counts_as_each_of_its_requests(services: Any) -> None:
    services.set("shop", rate_limit="10/hour")
    client = services.start()
    statuses = [client.post("/v1/decide:batch", json=[asked()] * 4).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert rows(services) == 8


def test_r12_the_same_request_under_one_key_has_one_decision_after_a_restart_too(services: Any) -> None:
    key = {"idempotency-key": "order-17"}
    first = services.start().post("/v1/decide", json=asked(scrolls=9), headers=key)
    again = services.start().post("/v1/decide", json=asked(scrolls=9), headers=key)
    assert first.json() == again.json()
    assert rows(services) == 1


def test_r12_another_request_under_that_key_is_refused_and_another_client_s_key_is_its_own(services: Any) -> None:
    key = {"idempotency-key": "order-17"}
    other = {**key, **bearer(services.token("blog"))}
    client = services.start()
    first = client.post("/v1/decide", json=asked(), headers=key).json()
    changed = client.post("/v1/decide", json=asked(scrolls=9), headers=key)
    assert (changed.status_code, changed.json()["code"]) == (409, "E_KEY_REUSED")
    assert client.post("/v1/decide", json=asked(scrolls=9), headers=other).json()["decision_id"] != first["decision_id"]


def test_r12_fifty_at_once_get_one_decision(services: Any) -> None:
    client = services.start()
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(
                lambda _: client.post("/v1/decide", json=asked(), headers={"idempotency-key": "k"}).json(), range(50)
            )
        )
    assert len({json.dumps(answer) for answer in answers}) == 1
    assert rows(services) == 1


@pytest.mark.parametrize("key", ["x" * 256, "\u00e9", "tab\there"])
def test_r12_what_is_no_key_is_refused(services: Any, key: str) -> None:
    answer = services.start().post("/v1/decide", json=asked(), headers={"idempotency-key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "E_IDEMPOTENCY_KEY")


def test_r12_a_list_takes_no_key(services: Any) -> None:
    answer = services.start().post("/v1/decide:batch", json=[asked()], headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (400, "E_IDEMPOTENCY_KEY")
    assert not services.audit.file.exists() or rows(services) == 0
