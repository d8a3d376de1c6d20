"""The simulated shop beside the public GA4 sample: is it like a real export in what can be counted?

`python -m simulator.calibration FOLDER` prints the table for a folder of day files.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Bound:
    """How far a simulated figure may be from its reference: in units of the figure, or as a share of the reference."""

    reach: float
    is_relative: bool = False

    def allows(self, reference: float, simulated: float) -> bool:
        return abs(simulated - reference) <= (self.reach * reference if self.is_relative else self.reach)

    def __str__(self) -> str:
        return f"{self.reach:.0%}" if self.is_relative else f"{self.reach:g} points"


POINTS_2, RELATIVE_5, RELATIVE_10, ROUGHLY = (
    Bound(2),
    Bound(0.05, True),
    Bound(0.1, True),
    Bound(0.3, True),
)

REFERENCES: dict[str, tuple[float, Bound]] = {
    "Events a session": (11.93, RELATIVE_5),
    "Sessions a user": (1.333, RELATIVE_10),
    "First sessions, % of sessions": (72.3, POINTS_2),
    "Second sessions, % of sessions": (13.2, POINTS_2),
    "Third sessions, % of sessions": (5.0, POINTS_2),
    "Sessions with view_item, %": (21.4, RELATIVE_10),
    "Sessions with add_to_cart, %": (4.21, RELATIVE_10),
    "Sessions with begin_checkout, %": (3.08, RELATIVE_10),
    "Sessions with add_shipping_info, %": (3.08, RELATIVE_10),
    "Sessions with add_payment_info, %": (1.89, RELATIVE_10),
    "Sessions with purchase, %": (1.35, RELATIVE_10),
    "Device desktop, % of sessions": (58.0, POINTS_2),
    "Device mobile, % of sessions": (39.8, POINTS_2),
    "Device tablet, % of sessions": (2.2, POINTS_2),
    "Country United States, % of sessions": (43.9, POINTS_2),
    "Country India, % of sessions": (9.4, POINTS_2),
    "Country Canada, % of sessions": (7.4, POINTS_2),
    "Country United Kingdom, % of sessions": (3.1, POINTS_2),
    "Country France, % of sessions": (2.0, POINTS_2),
    "Country Spain, % of sessions": (1.9, POINTS_2),
    "Country Germany, % of sessions": (1.8, POINTS_2),
    "Country China, % of sessions": (1.7, POINTS_2),
    "Country Taiwan, % of sessions": (1.7, POINTS_2),
    "Country Italy, % of sessions": (1.4, POINTS_2),
    "Channel google / organic, % of sessions": (35.0, POINTS_2),
    "Channel direct, % of sessions": (16.7, POINTS_2),
    "Channel own referral, % of sessions": (16.5, POINTS_2),
    "Channel <Other> / <Other>, % of sessions": (11.0, POINTS_2),
    "Channel other referral, % of sessions": (8.1, POINTS_2),
    "Channel google / cpc, % of sessions": (3.3, POINTS_2),
    "Channel deleted or not set, % of sessions": (3.0, POINTS_2),
    "Channel other organic, % of sessions": (2.2, POINTS_2),
    "Monday, % of events": (14.66, POINTS_2),
    "Tuesday, % of events": (17.18, POINTS_2),
    "Wednesday, % of events": (16.77, POINTS_2),
    "Thursday, % of events": (15.48, POINTS_2),
    "Friday, % of events": (14.67, POINTS_2),
    "Saturday, % of events": (10.86, POINTS_2),
    "Sunday, % of events": (10.37, POINTS_2),
    "page_view, % of events": (31.44, POINTS_2),
    "user_engagement, % of events": (24.65, POINTS_2),
    "scroll, % of events": (11.48, POINTS_2),
    "view_item, % of events": (8.99, POINTS_2),
    "session_start, % of events": (8.26, POINTS_2),
    "first_visit, % of events": (5.99, POINTS_2),
    "view_promotion, % of events": (4.43, POINTS_2),
    "add_to_cart, % of events": (1.36, ROUGHLY),
    "begin_checkout, % of events": (0.90, ROUGHLY),
    "select_item, % of events": (0.72, ROUGHLY),
    "view_search_results, % of events": (0.61, ROUGHLY),
    "add_shipping_info, % of events": (0.46, ROUGHLY),
    "add_payment_info, % of events": (0.32, ROUGHLY),
    "select_promotion, % of events": (0.22, ROUGHLY),
    "purchase, % of events": (0.13, ROUGHLY),
    "Order value, mean USD": (81.05, RELATIVE_10),
    "Items lines an order": (2.95, ROUGHLY),
    "Session's duration, mean s": (199.9, RELATIVE_10),
    "Session's engagement, mean s": (69.3, ROUGHLY),
    "user_engagement, 5 % quantile, ms": (1794, ROUGHLY),
    "user_engagement, 25 % quantile, ms": (4383, ROUGHLY),
    "user_engagement, 50 % quantile, ms": (7179, ROUGHLY),
    "user_engagement, 75 % quantile, ms": (12947, ROUGHLY),
    "user_engagement, 95 % quantile, ms": (40582, ROUGHLY),
    # 61 a day, of the default world's 930 sessions
    "Pop-ups shown a 1,000 sessions": (65.6, RELATIVE_10),
    "Pop-ups submitted, % of shown": (2.0, Bound(0.7)),
}
"""Figures of the public sample (2020-11-01 to 2021-01-31); the pop-up's are those of the case study."""

_EVENTS = """
create temp table events as
select distinct on (user_pseudo_id, event_name, event_timestamp, batch_page_id, batch_ordering_id, batch_event_index)
    event_date, event_timestamp, event_name, user_pseudo_id, ecommerce, items,
    device.category as device, geo.country as country,
    session_traffic_source_last_click.manual_campaign as source,
    user_pseudo_id || '.' || [p.value.int_value for p in event_params if p.key = 'ga_session_id'][1] as session_key,
    [p.value.int_value for p in event_params if p.key = 'ga_session_number'][1] as session_number,
    [p.value.int_value for p in event_params if p.key = 'engagement_time_msec'][1] as engaged_ms
from read_parquet($files)
where user_pseudo_id is not null
"""

_SESSIONS = """
create temp table sessions as
select
    session_key,
    any_value(user_pseudo_id) as user_pseudo_id,
    any_value(session_number) as number,
    any_value(device) as device,
    any_value(country) as country,
    any_value(source) as source,
    list(distinct event_name) as names,
    (max(event_timestamp) - min(event_timestamp)) / 1e6 as seconds,
    sum(engaged_ms) / 1e3 as engaged_seconds
from events
group by session_key
"""

_FIGURES = """
select 'Events a session', (select count(*) from events) / count(*) from sessions
union all select 'Sessions a user', count(*) / count(distinct user_pseudo_id) from sessions
union all select 'First sessions, % of sessions', 100 * avg((number = 1)::int) from sessions
union all select 'Second sessions, % of sessions', 100 * avg((number = 2)::int) from sessions
union all select 'Third sessions, % of sessions', 100 * avg((number = 3)::int) from sessions
union all
select 'Sessions with ' || name || ', %', 100 * avg(list_contains(names, name)::int)
from sessions, (select unnest(['view_item', 'add_to_cart', 'begin_checkout', 'add_shipping_info', 'add_payment_info',
                               'purchase']) as name)
group by name
union all select 'Device ' || device || ', % of sessions', 100 * count(*) / (select count(*) from sessions)
from sessions group by device
union all select 'Country ' || country || ', % of sessions', 100 * count(*) / (select count(*) from sessions)
from sessions group by country
union all
select 'Channel ' || case
        when source.source = 'google' then 'google / ' || source.medium
        when source.medium = '(none)' then 'direct'
        when source.source = 'journal.fernhill.example' then 'own referral'
        when source.medium in ('organic', 'referral') then 'other ' || source.medium
        when source.source = '(not set)' then 'deleted or not set'
        when source.source in ('newsletter', 'instagram', 'facebook') then '<Other> / <Other>'
        else 'unlisted' end || ', % of sessions' as name,
    100 * count(*) / (select count(*) from sessions)
from sessions group by name
union all
select dayname(strptime(event_date, '%Y%m%d')) || ', % of events' as name,
    100 * count(*) / (select count(*) from events)
from events group by name
union all select event_name || ', % of events', 100 * count(*) / (select count(*) from events)
from events group by event_name
union all select 'Order value, mean USD', avg(ecommerce.purchase_revenue) from events where event_name = 'purchase'
union all select 'Items lines an order', avg(len(items)) from events where event_name = 'purchase'
union all select 'Session''s duration, mean s', avg(seconds) from sessions
union all select 'Session''s engagement, mean s', avg(engaged_seconds) from sessions
union all
select 'user_engagement, ' || unnest([5, 25, 50, 75, 95]) || ' % quantile, ms',
    unnest(quantile_cont(engaged_ms, [0.05, 0.25, 0.5, 0.75, 0.95]))
from events where event_name = 'user_engagement'
union all
select 'Pop-ups shown a 1,000 sessions', 1000 * avg(list_contains(names, 'popup_view')::int) from sessions
union all
select 'Pop-ups submitted, % of shown', 100 * avg(list_contains(names, 'popup_submit')::int)
from sessions where list_contains(names, 'popup_view')
"""


@dataclass(frozen=True)
class Figure:
    """A counted figure of the simulated shop beside its reference."""

    name: str
    reference: float
    simulated: float
    bound: Bound

    @property
    def is_within(self) -> bool:
        return self.bound.allows(self.reference, self.simulated)


def compare(folder: Path) -> tuple[Figure, ...]:
    """All figures of the day files in the folder, without duplicates and rows that lack a user."""
    with duckdb.connect() as connection:
        connection.execute(_EVENTS, {"files": str(folder / "events_*.parquet")})
        connection.execute(_SESSIONS)
        simulated = dict(connection.execute(_FIGURES).fetchall())
    return tuple(
        Figure(name, reference, float(simulated.get(name) or 0), bound)
        for name, (reference, bound) in REFERENCES.items()
    )


def render(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    head = "| figure | reference | simulated | difference | bound | within |\n|---|---:|---:|---:|---:|---|\n"
    return head + "".join(
        f"| {figure.name} | {figure.reference:,.5g} | {figure.simulated:,.5g} "
        f"| {figure.simulated - figure.reference:+,.3g} | {figure.bound} | {'yes' if figure.is_within else 'no'} |\n"
        for figure in figures
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name one folder of day files: python -m simulator.calibration FOLDER")
    _folder = Path(sys.argv[1])
    if not any(_folder.glob("events_*.parquet")):
        sys.exit(f"{_folder} holds no day: events_YYYYMMDD.parquet files are needed.")
    try:
        sys.stdout.write(render(compare(_folder)))
    except duckdb.Error as error:
        sys.exit(f"{_folder} can't be read as an export: {str(error).splitlines()[0]}")
