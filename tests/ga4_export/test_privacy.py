"""What must hold of every text and every mix of rows that an export could bring."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ga4_export import erasure, quarantine, replay
from ga4_export.identity import PARAMS_TEXT
from ga4_export.landing import Landing
from ga4_export.privacy import CAMPAIGN_KEYS, IS_SUSPECT, Privacy, hmac_sql
from ga4_export.quarantine import Record
from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import DAY, NOON, NOW, event
from tests.ga4_export.matrix import Row, landed_rows, param, quarantined

FEW = settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
LOCAL = "abcdefghijklmnopqrstuvwxyzABZ0123456789._+-"
EMAILS = st.builds(
    lambda name, at, host, domain: f"{name}{at}{host}.{domain}",
    st.text(LOCAL, min_size=1, max_size=12),
    st.sampled_from(["@", "%40"]),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["pl", "co.uk", "example.com"]),
)
PHONES = st.builds(
    lambda plus, code, digits, gap: plus + code + gap + gap.join(digits[n : n + 3] for n in range(0, len(digits), 3)),
    st.sampled_from(["+", "%2B", "%2b", "tel:"]),
    st.sampled_from(["48", "1", "44"]),
    st.text("0123456789", min_size=8, max_size=9),
    st.sampled_from(["", " ", "-", "."]),
)
AROUND = st.sampled_from(["", "mail me at ", "Zażółć ", "(", "x=1&", '"', "https://shop.pl/thanks/", "\U0001f9e6"])
AFTER = st.sampled_from(["", ", thanks", ")", '"', "!", " ż"])


def _landing(folder: Path) -> Landing:
    return Landing(folder / "landed", ZoneInfo("UTC"), timedelta(0))


def _export(folder: Path, *rows: Row) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"events_20260105_{folder.name}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=EVENTS), file)
    return file


def _carrying(text: str, **overrides: object) -> Row:
    """A row that holds `text` wherever a visitor could have typed it."""
    params = [param("page_title", string_value=text), param("ga_session_id", string_value=f"id {text}")]
    return event(
        user_id=text,
        event_params=params if overrides else params[:1],
        user_properties=[param("likes", string_value=text)],
        traffic_source={"source": text},
        collected_traffic_source={"manual_term": text},
        **overrides,
    )


@FEW
@given(st.lists(st.tuples(EMAILS | PHONES, AROUND, AFTER), min_size=1, max_size=20))
def test_no_address_and_no_telephone_number_is_stored(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("masked")
    landing = _landing(folder)
    texts = [f"{before}{private}{after}" for private, before, after in told]
    rows = [_carrying(text, event_timestamp=NOON + n) for n, text in enumerate(texts)]
    fit = [_carrying(text) | {"event_timestamp": NOON - 1 - n} for n, text in enumerate(texts)]

    landed = landing.land(DAY, [_export(folder, *fit, *rows)], NOW)

    assert (landed.rows_loaded, landed.rows_quarantined) == (len(fit), len(rows))
    stored = json.dumps([landed_rows(landing), quarantined(landing)], ensure_ascii=False, default=str)
    assert [private for private, _, _ in told if private in stored] == []


@FEW
@given(st.lists(st.lists(AROUND | EMAILS | PHONES | AFTER | st.text(max_size=8), max_size=6).map("".join), min_size=1))
def test_what_is_private_no_more_stays_as_it_is(texts: list[str]) -> None:
    once = _stored(texts)

    assert _stored(once) == once


QUERIES = st.lists(
    st.tuples(
        st.sampled_from([*CAMPAIGN_KEYS, "q", "email", "utm_sourcex", "xutm_source", "token"]),
        st.text("abc019%20-_.?", max_size=6),
    ),
    max_size=6,
)


URLS = st.tuples(
    st.sampled_from(["https://shop.pl/a", "http://x.y/b/c.html", "/relative", "android-app://com.shop/"]),
    QUERIES,
    st.sampled_from(["", "#top", "#/order?id=7", "#utm_source=x", "#a=b"]),
)


@FEW
@given(
    urls=st.lists(URLS, min_size=1, max_size=30),
    keys=st.lists(st.sampled_from([*CAMPAIGN_KEYS, "q"]), unique=True, max_size=7),
)
def test_exactly_the_listed_keys_of_a_query_are_kept(
    urls: list[tuple[str, list[tuple[str, str]], str]], keys: list[str]
) -> None:
    queries = [f"?{'&'.join(map('='.join, query))}" if query else "" for _, query, _ in urls]
    texts = [f"{page}{query}{fragment}" for (page, _, fragment), query in zip(urls, queries, strict=True)]

    stored = _stored(texts, Privacy(query_keys=tuple(keys)))

    for text, (page, query, fragment) in zip(stored, urls, strict=True):
        kept = "&".join(f"{key}={value}" for key, value in query if key in keys)
        assert text == page + (f"?{kept}" if kept else "") + ("#top" if fragment == "#top" else "")


@settings(deadline=None, max_examples=200)
@given(key=st.text(min_size=1, max_size=100), value=st.text(max_size=150).filter(lambda text: "\0" not in text))
def test_the_pseudonym_is_the_same_in_sql_and_in_python(key: str, value: str) -> None:
    ((told,),) = duckdb.execute(f"select {hmac_sql(key, '$value')}", {"value": value}).fetchall()

    assert told == hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()


@FEW
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "user_pseudo_id": st.sampled_from(["1.1", "1.2", "", None]),
                "event_name": st.sampled_from(["page_view", "scroll", None, "x" * 41]),
                "event_timestamp": st.sampled_from([NOON, NOON + 1, NOON // 1_000, 0]),
            }
        ),
        min_size=1,
        max_size=40,
    ),
    split=st.integers(0, 40),
)
def test_every_row_of_every_file_went_to_one_place(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], split: int
) -> None:
    folder = tmp_path_factory.mktemp("mix")
    landing = _landing(folder)
    erasure.suppress(landing, ["1.2"])
    parts = [[event(**row) for row in part] for part in (rows[:split], rows[split:])]

    files = [_export(folder / name, *part) for name, part in zip(("a", "b"), parts, strict=True)]

    landed = landing.land(DAY, files, NOW)

    assert all(file.is_conserved for file in landed.files)
    assert sum(file.rows_read for file in landed.files) == len(rows)
    assert [landed.rows_loaded, landed.rows_quarantined] == [len(landed_rows(landing)), len(quarantined(landing))]
    assert sum(file.rows_suppressed for file in landed.files) == sum(row["user_pseudo_id"] == "1.2" for row in rows)


STEPS = st.lists(st.sampled_from(["land", "other", "erase", "replay", "mend", "drop"]), min_size=3, max_size=9)


@settings(FEW, max_examples=5)
@given(steps=STEPS, key=st.sampled_from([None, "k" * 32]))
@example(steps=["drop", "mend", "other"], key="k" * 32)
def test_who_was_erased_stays_erased_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], key: str | None
) -> None:
    folder = tmp_path_factory.mktemp("erased")
    landing = replace(_landing(folder), privacy=Privacy(pseudonym_key=key))
    ids = erasure.ids_of(landing.privacy, "1.1")
    deliveries = {
        "land": [event(), event(user_pseudo_id="1.10"), event(event_name=None), event(user_pseudo_id="")],
        "other": [event(event_name="scroll"), event(user_pseudo_id="1.10"), event(user_pseudo_id="")],
    }
    is_erased = False

    for step in ("land", *steps, "erase", *steps):
        if step in deliveries:
            landing.land(DAY, [_export(folder, *deliveries[step])], NOW)
            replay.resume(landing, DAY, NOW)
        elif step == "erase":
            is_erased = True
            erasure.suppress(landing, ids)
            erasure.remove(landing, ids)
        else:
            _decide(landing, step, landing.privacy.stored_id("1.1"))
        stated = landing.landed(DAY)
        assert stated is not None
        assert all(file.is_conserved for file in stated.files)
        assert stated.rows_loaded == len(landed_rows(landing))
        if is_erased:
            assert [user for user in ids if user in _ids_in(landing)] == []

    neighbour = landing.privacy.stored_id("1.10")
    assert [row["event_name"] for row in landed_rows(landing) if row["user_pseudo_id"] == neighbour] == ["page_view"]


def _decide(landing: Landing, step: str, user: str) -> None:
    """Replay, mend into the user's, or drop the first row that is open."""
    for record in replay.records(landing, quarantine.OPEN)[:1]:
        if step == "drop":
            replay.drop(landing, record)
        else:
            replay.replay(landing, record, _mended(record, user) if step == "mend" else None, NOW)


def _mended(record: Record, user: str) -> Row:
    return {**json.loads(record.raw), "user_pseudo_id": user, "event_name": "mended"}


def _ids_in(landing: Landing) -> set[str]:
    records = replay.records(landing)
    told = [json.loads(text) for record in records for text in (record.raw, record.replayed_as) if text]
    return {row["user_pseudo_id"] for row in (*landed_rows(landing), *told)}


def _stored(texts: list[str], privacy: Privacy | None = None) -> list[str]:
    """What is stored of texts that are each a parameter of an event."""
    stated, *_ = (privacy or Privacy()).replacements.partition(" as event_params")
    told = pa.Table.from_pylist([event(event_params=[param("a", string_value=text)]) for text in texts], schema=EVENTS)
    query = f"select *, {IS_SUSPECT} as is_suspect from (select *, {PARAMS_TEXT} as params_text from told)"
    stored = duckdb.from_arrow(told).query("told", f"select {stated} from ({query})").fetchall()
    return [params[0]["value"]["string_value"] for (params,) in stored]
