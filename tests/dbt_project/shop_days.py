"""Twelve days of a made-up property on Warsaw's clock, over a change of the clocks: all that GA4 is known to send."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export.schema import EVENTS

ZONE = ZoneInfo("Europe/Warsaw")
LONG_AGO, FIRST, LAST = date(2026, 2, 16), date(2026, 3, 24), date(2026, 4, 4)
DAYS = tuple(FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))
SAMPLE_ROWS_A_DAY = 16

Row = dict[str, Any]
_SLOTS = {str: "string_value", int: "int_value", float: "double_value"}


def at(clock: str) -> datetime:
    """An instant on the property's clock, written as `2026-03-28 23:50:00`."""
    return datetime.fromisoformat(clock).replace(tzinfo=ZONE)


def event(clock: str | datetime, name: str, user: str | None, session: Any, **values: Any) -> Row:
    """An event; what names no column of the export is a parameter, in the member of its type or as a dict says."""
    when = clock if isinstance(clock, datetime) else at(clock)
    columns = {key: value for key, value in values.items() if key in EVENTS.names}
    stated = {"ga_session_id": session, **{key: value for key, value in values.items() if key not in columns}}
    return {
        "event_date": f"{when.astimezone(ZONE):%Y%m%d}",
        "event_timestamp": (when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),
        "event_name": name,
        "user_pseudo_id": user,
        "event_params": [{"key": key, "value": _value(value)} for key, value in stated.items() if value is not None],
        "items": [],
        **columns,
    }


def _value(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {_SLOTS[type(value)]: value}


def hand_made() -> Iterator[Row]:
    """The made-up events, in no order."""
    yield from _visits()
    yield from _session_over_midnight_and_the_change_of_clocks()
    yield from _purchases()
    yield from _popups()
    yield from _odd_values()
    yield from _many_acts()
    yield from _long_ago()


def _visits() -> Iterator[Row]:
    """A user whom each day knows, so that windows fill and labels become known."""
    for number, day in enumerate(DAYS):
        start = datetime(day.year, day.month, day.day, 8 + number, 5, tzinfo=ZONE)
        seen: Row = {"ga_session_number": number + 1, "session_engaged": number % 2}
        for second, name in ((0, "session_start"), (0, "page_view"), (7, "scroll"), (31, "user_engagement")):
            yield event(
                start + timedelta(seconds=second), name, "7.7", 700 + number, **seen,
                engagement_time_msec=second * 333, page_location=f"https://shop.example/{number}",
                user_first_touch_timestamp=1774300000123457,
                device={"category": "mobile", "operating_system": "iOS", "web_info": {"browser": "Safari"}},
                geo={"continent": "Europe", "country": "Poland", "region": "Łódzkie", "city": "Łódź"},
                traffic_source={"source": "google", "medium": "organic", "name": None},
                batch_page_id=1, batch_ordering_id=1 + second, batch_event_index=1 + (name == "page_view"),
            )  # fmt: skip


def _long_ago() -> Iterator[Row]:
    """Two users of five weeks before, of whom one came back within thirty days."""
    for user, clock in (("8.1", "2026-02-16 10:00:00"), ("8.2", "2026-02-16 11:00:00"), ("8.2", "2026-03-01 12:00:00")):
        session = int(at(clock).timestamp())
        for name in ("session_start", "page_view"):
            yield event(clock, name, user, session, ga_session_number=1, page_location="https://shop.example/")


def _session_over_midnight_and_the_change_of_clocks() -> Iterator[Row]:
    """On 29 March at 2:00 the clock goes to 3:00; what has no session id is parted by thirty minutes."""
    for minute in (-9, -1, 1, 119, 121, 170):
        yield event(at("2026-03-29 00:00:00").astimezone(UTC) + timedelta(minutes=minute), "page_view", "2.2", 22)
    for minute in (0, 29, 58, 89, 119, 149):
        yield event(at("2026-03-29 00:30:00").astimezone(UTC) + timedelta(minutes=minute), "page_view", "3.3", None)
    yield event("2026-03-31 23:59:59.999999", "page_view", "2.3", 23)
    yield event("2026-04-01 00:00:00", "view_item", "2.3", 23)
    yield event("2026-04-01 00:00:00", "page_view", "2.3", 23)


def _purchases() -> Iterator[Row]:
    """Carts, a purchase that is told three times, one with no transaction, and lists of items of every kind."""
    shirt: Row = {
        "item_id": "s1",
        "item_name": "Shirt",
        "item_category": "Clothes",
        "price_in_usd": 19.99,
        "quantity": 2,
    }
    cap: Row = {"item_id": "c1", "item_name": " Cap\t", "item_category": "(not set)", "price": 7.5, "quantity": None}
    paid: Row = {"purchase_revenue_in_usd": 47.48, "transaction_id": "T-1", "unique_items": 2}
    yield event("2026-03-27 10:00:00.5", "view_item", "4.4", 44, items=[shirt, cap])
    yield event("2026-03-27 10:00:01", "view_item", "4.4", 44, items=None)
    yield event("2026-03-27 10:01:00", "select_item", "4.4", 44, items=[{**cap, "item_name": "Cap, renamed"}])
    yield event("2026-03-27 10:02:00", "add_to_cart", "4.4", 44, items=[shirt])
    yield event("2026-03-27 10:03:00", "begin_checkout", "4.4", 44, items=[shirt, cap])
    bought = [{**shirt, "item_revenue_in_usd": 39.98}, {**cap, "item_revenue": 7.5}, {"item_id": "(not set)"}]
    told = event("2026-03-27 10:05:00", "purchase", "4.4", 44, items=bought, ecommerce=paid, event_value_in_usd=47.0)
    yield from (told, told)  # delivered twice
    yield {**told, "event_timestamp": told["event_timestamp"] + 4_000_000}  # the page was loaded again
    yield event("2026-03-28 09:00:00", "purchase", "4.4", 45, ecommerce=paid)  # and once more on another day
    for hour, day in ((9, 28), (10, 28), (11, 29)):
        unnamed = {"purchase_revenue_in_usd": None, "transaction_id": "(not set)"}
        yield event(
            f"2026-03-{day} {hour:02}:30:00",
            "purchase",
            "5.5",
            55 + day,
            ecommerce=unnamed,
            event_value_in_usd=1.1 * hour,
        )
    yield event("2026-03-25 09:00:00", "purchase", "5.6", 56, transaction_id="T-9", event_value_in_usd=0.1)
    yield event("2026-03-25 09:00:00", "page_view", "5.6", 56)


def _popups() -> Iterator[Row]:
    """Pop-ups with and without a decision; what is told at the showing is not told again at the closing."""
    decided: Row = {"decision_id": "d-1", "policy": "always", "propensity": 1.0}
    for second, name in ((0, "page_view"), (4, "scroll"), (60, "page_view")):
        yield event(at("2026-03-26 18:00:00") + timedelta(seconds=second), name, "6.6", 66)
    yield event("2026-03-26 18:00:05", "popup_close", "6.6", 66, decision_id="d-1")
    yield event("2026-03-26 18:00:05.000001", "popup_view", "6.6", 66, **decided)
    yield event("2026-03-26 18:00:20", "popup_submit", "6.6", 66, **(decided | {"propensity": "1.0"}))
    yield event("2026-03-30 12:00:00", "popup_view", "6.6", 67, policy="never", propensity=1)
    yield event("2026-03-30 12:00:09", "popup_close", "6.6", 67)
    yield event("2026-03-30 12:00:09", "popupview", "6.6", 67)
    yield event("2026-03-30 12:10:00", "popup_submit", "6.7", 68, decision_id="d-2")  # its showing was lost


_ODD_BY_KEY: Mapping[str, Iterable[Any]] = {
    "session": [
        "81",
        *({"double_value": number} for number in (84.0, 84.5, 85.5, 1e30)),
    ],
    "engagement_time_msec": ["1500", {"float_value": 1500.7}, -2.5, " 82 ", "82.5", "1e3", "0x1F", "8_3"],
    "session_engaged": ["1", 1.0, "true", " 1"],
    "propensity": [
        *("0.25", "1e-3", " 0.5 ", "half", "0x1p-2", "1_0", "1.", ".5", "+0.5", "inf", "NaN", "1e-30", "1e999"),
        {"float_value": 0.125},
    ],
    "page_location": [12, 12.0, 0.1, 1 / 3, 1e21, 1e-7, 123456789.0, 123456.789, -0.0, 1e15, 1e16, 100000.5],
    "page_title": ["Zażółć gęślą jaźń | İstanbul 🛒"],
    "search_term": ["\u00a0 koc\u2003"],
    "source": ["\u2003news letter\u00a0", "(not set)", "(direct)", "a\nb", "\tgoogle\n"],
    "event_params": [
        *(None, []),
        [{"key": "ga_session_id", "value": None}, {"key": "ga_session_id", "value": {"int_value": 5}}],
        [{"key": "page_location", "value": {"string_value": place}} for place in ("first", "second")],
    ],
    "device": [None, {"category": " desktop ", "language": "", "browser": "Edge", "web_info": {"browser": None}}],
    "geo": [{"continent": "Asia", "country": "Türkiye", "region": "(not set)", "city": "İstanbul"}],
    "traffic_source": [{"source": "<Other>", "medium": "referral", "name": "(data deleted)"}],
    "session_traffic_source_last_click": [{"manual_campaign": {"source": "(not set)", "medium": "email"}}],
    "collected_traffic_source": [{"manual_source": "klaviyo", "manual_medium": "email"}],
    "user": [None, "gość.1"],
    "privacy_info": [
        {"analytics_storage": told, "ads_storage": "No", "uses_transient_token": "Yes"} for told in ("No", "Yes", None)
    ],
    "user_first_touch_timestamp": [1774300000999999],
    "user_properties": [None],
}
_ODD_TOGETHER: Iterable[Row] = [
    {"user": None, "session": None},
    {"user": None, "privacy_info": {"analytics_storage": "No"}},
    {"event_params": None, "items": None},
    {"source": "(direct)", "medium": ""},
    {"source": "(not set)", "medium": "(none)"},
]


def _odd_values() -> Iterator[Row]:
    """Wrong members, numbers as text, words for no value, spaces, scripts, no parameters, no user, no consent."""
    alone = ({key: value} for key, values in _ODD_BY_KEY.items() for value in values)
    for number, values in enumerate((*alone, *_ODD_TOGETHER)):
        stated: Row = {"user": f"8.{number}", "session": 88, **values}
        yield event(at("2026-03-25 12:00:00") + timedelta(hours=2 * number, microseconds=number), "page_view", **stated)


def _many_acts() -> Iterator[Row]:
    """A long session whose acts share seconds and, in part, microseconds."""
    names = (
        "page_view",
        "scroll",
        "view_item",
        "user_engagement",
        "view_promotion",
        "click",
        "add_to_cart",
        "form_start",
    )
    for number in range(40):
        yield event(
            at("2026-03-30 20:00:00") + timedelta(seconds=17 * (number // 3)), names[number % len(names)], "9.9", 99,
            batch_page_id=1, batch_ordering_id=number // 5, batch_event_index=number % 5,
        )  # fmt: skip


def real(sample: Path) -> Iterator[Row]:
    """Rows of GA4's public sample, moved to these days; URLs without the query strings that landing cuts."""
    for day, file in zip(DAYS, sorted(sample.glob("events_*.parquet")), strict=False):
        rows = pq.read_table(file).slice(0, SAMPLE_ROWS_A_DAY).to_pylist()
        moved = day - datetime.strptime(rows[0]["event_date"], "%Y%m%d").date()
        for row in rows:
            for value in (param["value"] for param in row["event_params"]):
                value["string_value"] = value["string_value"] and value["string_value"].split("?")[0]
            timestamp = row["event_timestamp"] + moved // timedelta(microseconds=1)
            yield {**row, "event_date": f"{day:%Y%m%d}", "event_timestamp": timestamp}


def by_day(rows: Iterator[Row]) -> dict[date, pa.Table]:
    """The export's daily tables; a day of DAYS without events has one without rows."""
    days: dict[date, list[Row]] = {day: [] for day in DAYS}
    for row in rows:
        days.setdefault(datetime.strptime(row["event_date"], "%Y%m%d").date(), []).append(row)
    return {day: pa.Table.from_pylist(events, schema=EVENTS) for day, events in days.items()}
