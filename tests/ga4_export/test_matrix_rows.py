"""Rows that are doubled, impossible, hostile or private: rows of docs/bad_exports.md."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export import erasure
from ga4_export.landing import Landing
from ga4_export.listing import ExportError
from ga4_export.privacy import Privacy
from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import DAY, NOON, NOW, event
from tests.ga4_export.matrix import Row, good, landed_rows, param, quarantined, row

Write = Callable[..., Path]
SECOND = 1_000_000
AN_HOUR = 3_600 * SECOND


@row("G03")
def test_an_event_that_was_delivered_twice_is_loaded_once(row: str, landing: Landing, write: Write) -> None:
    landed = landing.land(DAY, [write(event(), event()), write(event(), name="other.parquet")], NOW)

    assert [(file.rows_loaded, file.rows_duplicate) for file in landed.files] == [(1, 1), (0, 1)]
    assert all(file.is_conserved for file in landed.files)


@row("G04")
def test_events_that_differ_in_a_parameter_are_both_loaded_and_counted(
    row: str, landing: Landing, write: Write
) -> None:
    other = event(event_params=[param("ga_session_id", int_value=1), param("percent", int_value=90)])

    landed = landing.land(DAY, [write(event(), other)], NOW)

    assert (landed.rows_loaded, landed.signals["same_place_other_params"]) == (2, 1)


@row("G10")
def test_an_event_without_a_user_is_landed_and_counted(row: str, landing: Landing, write: Write) -> None:
    landed = landing.land(DAY, [write(event(), event(user_pseudo_id=None))], NOW)

    assert (landed.rows_loaded, landed.signals["rows_without_user"]) == (2, 1)


def _broken() -> Iterator[tuple[str, Row, str]]:
    for user in ("", "   ", "\t \n", "\u00a0", "x" * 129, "a\0b"):
        yield "G11", {"user_pseudo_id": user}, "E_ID_INVALID"
    for text in ("abc", "17.5", "0x1f"):
        yield "G12", {"event_params": [param("ga_session_id", string_value=text)]}, "E_SESSION_ID_INVALID"
    for count in (1_001, 10_000):
        yield "G18", {"event_params": [param(f"p{n}", int_value=n) for n in range(count)]}, "E_PARAMS_TOO_MANY"
    for unit in (1_000, SECOND):
        yield "G29", {"event_timestamp": NOON // unit}, "E_TS_UNIT"
    for moment in (NOON + 80 * AN_HOUR, NOON - 80 * AN_HOUR, 0, -1, 2**63 - 1, None):
        yield "G30", {"event_timestamp": moment}, "E_TS_RANGE"
    for number in (math.nan, math.inf, -math.inf):
        yield "G37", {"ecommerce": {"purchase_revenue_in_usd": number}}, "E_NOT_FINITE"
    yield "G40", {"event_name": "page\0view"}, "E_NAME_INVALID"


@pytest.mark.parametrize(("row", "broken", "reason"), _broken(), ids=lambda value: value if type(value) is str else "")
def test_a_row_that_can_not_be_an_event_is_kept_with_its_reason(
    row: str, broken: Row, reason: str, landing: Landing, write: Write
) -> None:
    landed = landing.land(DAY, [write(event(), event(**broken))], NOW)

    (record,) = quarantined(landing)
    assert (record["reason_code"], record["row_no"], record["file_sha256"]) == (reason, 1, landed.files[0].sha256)
    assert record["detail"]
    (name,) = broken
    told, stated = json.loads(record["raw"])[name], broken[name]
    assert str(stated)[:80] in str(told) if isinstance(stated, str | int) else told is not None or stated is None
    assert (landed.rows_loaded, landed.rows_quarantined, landed.reasons) == (1, 1, {reason: 1})


@row("G12")
def test_a_session_id_as_text_is_landed_and_counted(row: str, landing: Landing, write: Write) -> None:
    landed = landing.land(DAY, [write(event(event_params=[param("ga_session_id", string_value="17")]))], NOW)

    assert (landed.rows_loaded, landed.signals["session_ids_as_text"]) == (1, 1)


@row("G14")
def test_two_session_ids_of_one_event_are_counted(row: str, landing: Landing, write: Write) -> None:
    both = [param("ga_session_id", int_value=1), param("ga_session_id", int_value=2)]

    landed = landing.land(DAY, [write(event(event_params=both), event(event_params=both[:1] * 2))], NOW)

    assert (landed.rows_loaded, landed.signals["session_ids_several"]) == (2, 1)


@row("G18")
@pytest.mark.parametrize(
    "params", [None, [], [param(f"p{n}", int_value=n) for n in range(1_000)]], ids=["null", "none", "1000"]
)
def test_no_parameters_and_many_are_landed(row: str, params: Any, landing: Landing, write: Write) -> None:
    assert landing.land(DAY, [write(event(event_params=params))], NOW).rows_loaded == 1


@row("G15")
def test_parameters_that_nobody_knows_are_kept(row: str, landing: Landing, write: Write) -> None:
    params = [param("my_own", string_value="ż"), param("ga_session_id", int_value=1)]

    landing.land(DAY, [write(event(event_params=params))], NOW)

    assert [found["key"] for found in landed_rows(landing)[0]["event_params"]] == ["my_own", "ga_session_id"]


@row("G31")
@pytest.mark.parametrize("hours", [-36, 36])
def test_a_clock_that_is_a_day_off_is_believed(row: str, hours: int, landing: Landing, write: Write) -> None:
    assert landing.land(DAY, [write(event(event_timestamp=NOON + hours * AN_HOUR))], NOW).rows_loaded == 1


INJECTIONS = (
    "'; drop table events; --",
    "<script>alert(1)</script>",
    "=cmd|'/c calc'!A1",
    "{{7*7}}",
    "$$${x}",
    "%s\\x00",
)


@row("G39")
def test_what_looks_like_code_is_stored_as_it_is(row: str, landing: Landing, write: Write) -> None:
    rows = [
        event(
            event_timestamp=NOON + n,
            user_pseudo_id=text,
            event_params=[param(text, string_value=text)],
            traffic_source={"name": text},
        )
        for n, text in enumerate(INJECTIONS)
    ]

    landing.land(DAY, [write(*rows)], NOW)

    stored = [
        (found["user_pseudo_id"], found["event_params"][0]["value"]["string_value"], found["traffic_source"]["name"])
        for found in sorted(landed_rows(landing), key=lambda found: found["event_timestamp"])
    ]
    assert stored == [(text, text, text) for text in INJECTIONS]


@row("G40")
def test_every_script_is_stored_as_it_is(row: str, landing: Landing, write: Write) -> None:
    texts = ["Łódź", "Ło\u0301dz\u0301", "\U0001f9e6", "\u202eabc", "a\u200bb", "İ"]
    rows = [event(event_timestamp=NOON + n, user_pseudo_id=text) for n, text in enumerate(texts)]

    landing.land(DAY, [write(*rows)], NOW)

    stored = sorted(landed_rows(landing), key=lambda found: found["event_timestamp"])
    assert [found["user_pseudo_id"] for found in stored] == texts


@row("G40")
def test_text_that_is_no_unicode_refuses_the_file(row: str, landing: Landing, write: Write) -> None:
    file = write(event(event_name="SURROGATE"))
    table = pq.read_table(file)
    lone = pa.array([b"page\xed\xa0\x80"]).view(pa.string())
    pq.write_table(table.set_column(EVENTS.get_field_index("event_name"), "event_name", lone), file)

    with pytest.raises(ExportError) as refused:
        landing.land(DAY, [file], NOW)

    assert refused.value.code == "E_FILE_DAMAGED"


@row("G41")
def test_a_megabyte_of_text_is_kept_whole(row: str, landing: Landing, write: Write) -> None:
    long = "ż" * 500_000

    landing.land(DAY, [write(event(event_params=[param("page_title", string_value=long)]))], NOW)

    assert landed_rows(landing)[0]["event_params"][0]["value"]["string_value"] == long


@row("G42")
def test_query_strings_and_addresses_are_not_stored(row: str, landing: Landing, write: Write) -> None:
    url = "https://shop.pl/a?email=jan@example.com&utm_source=mail&token=s3cret#/order?id=7"
    told = [param("page_location", string_value=url), param("note", string_value="call +48 601 234 567 or a@b.pl")]

    landed = landing.land(DAY, [write(event(event_params=told))], NOW)

    stored = [found["value"]["string_value"] for found in landed_rows(landing)[0]["event_params"]]
    assert stored == ["https://shop.pl/a?utm_source=mail", "call (phone) or (email)"]
    assert (landed.signals["rows_with_email"], landed.signals["rows_with_phone"]) == (1, 1)


@row("G43")
def test_rows_without_consent_are_counted(row: str, landing: Landing, write: Write) -> None:
    denied = event(privacy_info={"analytics_storage": "No"}, event_name="scroll")

    assert landing.land(DAY, [write(event(), denied)], NOW).signals["rows_without_consent"] == 1


@row("G44")
@pytest.mark.parametrize("key", [None, "k" * 32])
def test_an_erased_user_is_suppressed_in_each_delivery(
    row: str, key: str | None, landing: Landing, write: Write
) -> None:
    landing = replace(landing, privacy=Privacy(pseudonym_key=key))
    neighbour = event(user_pseudo_id="1.10")
    landing.land(DAY, [write(event(), neighbour)], NOW)
    theirs = [found for found in landed_rows(landing) if found["user_pseudo_id"] == landing.privacy.stored_id("1.10")]
    ids = erasure.ids_of(landing.privacy, "1.1")
    erasure.suppress(landing, ids)

    erased = erasure.remove(landing, ids)

    assert (erased.landed, erased.days) == (1, (DAY,))
    assert landed_rows(landing) == theirs
    landed = landing.land(DAY, [write(event(event_name="scroll"), event(event_name=None), neighbour)], NOW)
    (file,) = landed.files
    assert (file.rows_loaded, file.rows_quarantined, file.rows_suppressed) == (1, 0, 2)
    assert landed_rows(landing) == theirs


def test_a_row_that_fits_is_not_refused_for_its_neighbours(landing: Landing, write: Write) -> None:
    landed = landing.land(DAY, [write(*good(300))], NOW + timedelta(days=1))

    assert (landed.rows_loaded, landed.reasons) == (300, {})
