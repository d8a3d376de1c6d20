"""What sessions and features make of odd rows: rows of docs/bad_exports.md that landing lets pass."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import NOW, event
from tests.ga4_export.matrix import Row, param, row
from tests.point_in_time.platform import SCHEMA, Platform, compile_project
from tests.point_in_time.shop import ZONE

Warehouse = Callable[[str], list[tuple[Any, ...]]]

# In Warsaw the clocks go forward on the night to the third of these days.
FIRST, SECOND, SPRING, AFTER = (datetime(2026, 3, day, tzinfo=ZONE) for day in (27, 28, 29, 30))


def act(user: str | None, clock: datetime, name: str = "page_view", *params: Row, **columns: Any) -> Row:
    """An event of the shop at a time on its clock."""
    at = clock.astimezone(UTC)
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    stated = {"event_date": f"{clock:%Y%m%d}", "event_timestamp": micros, "event_name": name, "user_pseudo_id": user}
    return event(**{**stated, "event_params": list(params) or [param("ga_session_id", int_value=1)], **columns})


def _at(day: datetime, **later: float) -> datetime:
    return day + timedelta(**later)


def _odd() -> Iterator[Row]:
    noon = _at(FIRST, hours=12)
    yield act(None, noon)
    yield act("text id", noon, "page_view", param("ga_session_id", string_value="17"))
    for minute in (0, 29, 60):
        yield act("no id", _at(noon, minutes=minute), "page_view", param("page_title", string_value="a"))
    yield act("two ids", noon, "page_view", param("ga_session_id", int_value=7), param("ga_session_id", int_value=8))
    wrong = (param("ga_session_id", double_value=5.0), param("engagement_time_msec", string_value="1500"))
    yield act("wrong slots", noon, "page_view", *wrong)
    yield act("empty slots", noon, "page_view", param("ga_session_id", int_value=1), param("engagement_time_msec"))
    for second in range(1_001):
        yield act("bot", _at(noon, seconds=second))
    for n, word in enumerate(("(not set)", "(other)", "", " (not set) ", "<Other>", "(direct)")):
        yield act(f"word {n}", noon, geo={"country": word}, traffic_source={"source": word, "medium": word})
    absurd = (param("ga_session_id", int_value=1), param("engagement_time_msec", int_value=10**12))
    yield act("absurd", noon, "page_view", *absurd)
    local = {"purchase_revenue": 400.0, "transaction_id": "T-1"}
    yield act("local currency", noon, "purchase", ecommerce=local)
    yield act("dollars", noon, "purchase", ecommerce={**local, "purchase_revenue_in_usd": 100.0})
    for n, order in enumerate(("Ł\u00f3d\u017a", "Ło\u0301dz\u0301")):
        yield act(
            "composed", _at(noon, minutes=n), "purchase", ecommerce={"transaction_id": order}, event_value_in_usd=5.0
        )
    yield act("long", noon, device={"category": "x" * 1_000_000})
    yield act("hostile", noon, device={"category": "'; drop table x; --", "operating_system": "{{ 7*7 }}"})
    yield act("denied", noon, privacy_info={"analytics_storage": "No"})
    for minutes in (-10, 10):
        yield act("midnight", _at(SECOND, minutes=minutes))
    for day in (SPRING, AFTER):
        yield act("skewed", _at(day, minutes=5))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Asks what the project's SQL makes of the odd rows, landed in Warsaw."""
    home = tmp_path_factory.mktemp("odd")
    platform = Platform(home, compile_project(tmp_path_factory.mktemp("compiled")))
    rows = list(_odd())
    days = [FIRST + timedelta(days=n) for n in range(4)]
    for day in days:
        file = home / f"events_{day:%Y%m%d}.parquet"
        of_day = [told for told in rows if told["event_date"] == f"{day:%Y%m%d}"]
        pq.write_table(pa.Table.from_pylist(of_day, schema=EVENTS), file)
        platform.landing.land(day.date(), [file], NOW)
    platform._build(days[0].date(), days[-1].date())
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"use {SCHEMA}")
        yield lambda sql: connection.execute(sql).fetchall()


def sessions(warehouse: Warehouse, user: str) -> list[str]:
    """The keys of a user's sessions without the user."""
    keys = warehouse(
        f"select distinct session_key from int_events_sessionized where user_pseudo_id = '{user}' order by 1"
    )
    return [key.removeprefix(f"{user}.") for (key,) in keys]


def staged(warehouse: Warehouse, user: str, columns: str) -> Sequence[Any]:
    """What staging makes of a user's only event."""
    (found,) = warehouse(f"select {columns} from stg_ga4__events where user_pseudo_id = '{user}'")
    return found


@row("G10")
def test_an_event_without_a_user_is_in_no_session(row: str, warehouse: Warehouse) -> None:
    query = "select count(*) from {} where user_pseudo_id is null"

    assert warehouse(query.format("stg_ga4__events")) == [(1,)]
    assert warehouse(query.format("int_events_sessionized")) == [(0,)]


@row("G12")
def test_a_session_id_as_text_is_a_session_id(row: str, warehouse: Warehouse) -> None:
    assert sessions(warehouse, "text id") == ["17"]


@row("G13")
def test_without_a_session_id_thirty_minutes_part_sessions(row: str, warehouse: Warehouse) -> None:
    found = warehouse(
        "select count(*), bool_and(is_session_inferred) from int_events_sessionized "
        "where user_pseudo_id = 'no id' group by session_key order by min(event_at)"
    )

    assert found == [(2, True), (1, True)]


@row("G14")
def test_of_two_session_ids_the_first_counts(row: str, warehouse: Warehouse) -> None:
    assert sessions(warehouse, "two ids") == ["7"]


@row("G16")
def test_a_number_in_another_slot_is_read(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "wrong slots", "ga_session_id, engagement_time_msec") == (5, 1500)


@row("G17")
def test_a_value_without_any_slot_filled_is_null(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "empty slots", "engagement_time_msec") == (None,)


@row("G31")
def test_a_day_is_the_property_s_also_when_the_clocks_change(row: str, warehouse: Warehouse) -> None:
    midnights = warehouse(
        "select distinct feature_at from fct_user_features where user_pseudo_id = 'skewed' order by 1 limit 2"
    )

    # the day that ends with the first of them has 23 hours
    assert midnights == [(datetime(2026, 3, 29, 22),), (datetime(2026, 3, 30, 22),)]
    dates = warehouse("select distinct event_date from stg_ga4__events where user_pseudo_id = 'skewed' order by 1")
    assert dates == [(SPRING.date(),), (AFTER.date(),)]


@row("G33")
def test_a_session_that_no_visitor_could_have_is_in_no_feature(row: str, warehouse: Warehouse) -> None:
    def count(table: str) -> int:
        ((rows,),) = warehouse(f"select count(*) from {table} where user_pseudo_id = 'bot'")
        return int(rows)

    assert (count("stg_ga4__events"), count("int_events_sessionized")) == (1_001, 1_001)
    assert warehouse("select distinct is_bot from int_events_sessionized where user_pseudo_id = 'bot'") == [(True,)]
    features = ("fct_user_features", "fct_session_activity", "fct_session_profile")
    assert [count(table) for table in features] == [0, 0, 0]


@row("G34")
def test_a_word_for_no_value_is_null_and_a_channel_is_not(row: str, warehouse: Warehouse) -> None:
    found = [staged(warehouse, f"word {n}", "country, user_source, user_medium") for n in range(6)]

    assert found == [(None, None, None)] * 5 + [("(direct)",) * 3]


@row("G37")
def test_an_absurd_number_is_kept_and_breaks_nothing(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "absurd", "engagement_time_msec") == (10**12,)
    features = warehouse("select max(engagement_seconds_28d) from fct_user_features where user_pseudo_id = 'absurd'")
    assert features == [(1e9,)]


@row("G38")
def test_revenue_in_another_currency_is_never_taken_for_dollars(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "local currency", "revenue_usd") == (None,)
    assert staged(warehouse, "dollars", "revenue_usd") == (100.0,)


@row("G39")
def test_what_looks_like_code_is_a_value(row: str, warehouse: Warehouse) -> None:
    columns = "device_category, operating_system"

    assert staged(warehouse, "hostile", columns) == ("'; drop table x; --", "{{ 7*7 }}")


@row("G40")
def test_one_order_in_two_forms_of_unicode_is_one_order(row: str, warehouse: Warehouse) -> None:
    found = warehouse(
        "select transaction_id, revenue_usd from int_events_sessionized where user_pseudo_id = 'composed' "
        "order by event_at"
    )

    assert found == [("Łódź", 5.0), ("Łódź", None)]


@row("G41")
def test_a_text_of_a_megabyte_is_cut_for_features(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "long", "length(device_category)") == (4096,)


@row("G43")
def test_who_denied_consent_is_in_no_session(row: str, warehouse: Warehouse) -> None:
    assert staged(warehouse, "denied", "has_consent") == (False,)
    assert sessions(warehouse, "denied") == []
    assert warehouse("select count(*) from fct_user_features where user_pseudo_id = 'denied'") == [(0,)]


@row("G47")
def test_a_session_over_midnight_is_one_of_its_first_day(row: str, warehouse: Warehouse) -> None:
    found = warehouse(
        "select session_date, count(*), count(distinct event_date) from int_events_sessionized "
        "where user_pseudo_id = 'midnight' group by all"
    )

    assert found == [(FIRST.date(), 2, 2)]
