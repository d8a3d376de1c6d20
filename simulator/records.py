"""Visits and their events as rows of the GA4 export."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ga4_export.schema import EVENTS
from simulator.baskets import basket_lines
from simulator.clock import SECOND
from simulator.columns import Flags, Ints, chance
from simulator.commerce import commerce_of, ecommerce_records
from simulator.devices import DEVICES
from simulator.events import NAMES, Events
from simulator.items import item_lists, items_of
from simulator.key_values import key_values
from simulator.nested import constant, only_where, pick, rounded, struct
from simulator.parameters import CURRENCY, ENGAGED_AFTER, parameters
from simulator.places import PLACES, UNKNOWN
from simulator.site import HOSTNAME
from simulator.traffic import CHANNELS
from simulator.visits import Sessions, Visits

STREAM_ID = "4815162342"


def table(day: date, visits: Visits, events: Events) -> pa.Table:
    """The day's export of the given events, one row each."""
    columns = {"event_date": constant(f"{day:%Y%m%d}", len(events))}
    columns |= _what(visits, events)
    columns |= _order_of_sending(visits, events)
    columns |= _who(visits.sessions, events)
    columns |= _where_from(visits.sessions.take(events.session), visits.steps.is_first[events.step])
    empty = {field.name: pa.nulls(len(events), field.type) for field in EVENTS if field.name not in columns}
    return pa.table(columns | empty).select(EVENTS.names).cast(EVENTS)


def _what(visits: Visits, events: Events) -> dict[str, pa.Array]:
    lines = basket_lines(visits.steps)
    items = items_of(visits, events, lines)
    commerce = commerce_of(visits, events, lines, items)
    return {
        "event_timestamp": pa.array(events.at_us),
        "event_name": pick(NAMES, events.name),
        "event_params": key_values(list(parameters(visits, events, commerce))),
        "event_value_in_usd": only_where(commerce.is_purchase, rounded(commerce.value)),
        "ecommerce": ecommerce_records(commerce),
        "items": item_lists(visits, events, items),
        "stream_id": constant(STREAM_ID, len(events)),
        "platform": constant("WEB", len(events)),
    }


def _order_of_sending(visits: Visits, events: Events) -> dict[str, pa.Array]:
    bundle = chance(visits.steps.dice[events.step] + events.request.astype(np.uint64), 50)
    return {
        "event_bundle_sequence_id": pa.array((bundle * 2**31).astype(np.int64)),
        "batch_page_id": pa.array(visits.steps.start_us[events.step] // 1000),
        "batch_ordering_id": pa.array(events.request),
        "batch_event_index": pa.array(events.index),
    }


def user_ids(sessions: Sessions) -> pa.StringArray:
    """GA4's ids of the browsers that sessions come from, null without consent."""
    client = pc.cast(pa.array(sessions.client), pa.string())
    first_seen = pc.cast(pa.array(sessions.first_touch_us // SECOND), pa.string())
    return only_where(sessions.client > 0, pc.binary_join_element_wise(client, first_seen, "."))


def _who(sessions: Sessions, events: Events) -> dict[str, pa.Array]:
    row, size = pa.array(events.session), len(sessions)
    consents = sessions.client > 0
    storage = pick(["No", "Yes"], consents.astype(np.int64))
    ads = pick(["No", "Yes"], (consents & sessions.has_ads_consent).astype(np.int64))
    privacy = struct(
        EVENTS.field("privacy_info").type,
        size,
        analytics_storage=storage,
        ads_storage=ads,
        uses_transient_token=constant("No", size),
    )
    revenue = struct(
        EVENTS.field("user_ltv").type,
        size,
        absent=~consents,
        revenue=rounded(sessions.lifetime_revenue),
        currency=constant(CURRENCY, size),
    )
    is_active = consents & ((sessions.number == 1) | (sessions.end_us - sessions.start_us > ENGAGED_AFTER))
    return {
        "user_pseudo_id": user_ids(sessions).take(row),
        "user_first_touch_timestamp": only_where(consents, pa.array(sessions.first_touch_us)).take(row),
        "privacy_info": privacy.take(row),
        "user_ltv": revenue.take(row),
        "is_active_user": pa.array(is_active).take(row),
    }


def _where_from(sessions: Sessions, lands: Flags) -> dict[str, pa.Array]:
    """The columns that follow from the device, the place and the channel of each event's session."""
    return {
        "device": _device(sessions.device, sessions.place),
        "geo": _geo(sessions.place),
        "traffic_source": _first_user_source(sessions),
        "collected_traffic_source": _collected_source(sessions, lands),
        "session_traffic_source_last_click": _last_click(sessions.channel),
    }


def _device(device: Ints, place: Ints) -> pa.StructArray:
    data_type, size = EVENTS.field("device").type, len(device)
    browser = _of(DEVICES, "browser", device)
    browser_version = _of(DEVICES, "browser_version", device)
    page = struct(
        data_type.field("web_info").type,
        size,
        browser=browser,
        browser_version=browser_version,
        hostname=constant(HOSTNAME, size),
    )
    model = _of(DEVICES, "mobile_model_name", device)
    return struct(
        data_type,
        size,
        category=_of(DEVICES, "category", device),
        mobile_brand_name=_of(DEVICES, "mobile_brand_name", device),
        mobile_model_name=model,
        mobile_marketing_name=model,
        operating_system=_of(DEVICES, "operating_system", device),
        operating_system_version=_of(DEVICES, "operating_system_version", device),
        language=pick([p.country.language for p in PLACES], place),
        is_limited_ad_tracking=constant("No", size),
        web_info=page,
    )


def _geo(place: Ints) -> pa.StructArray:
    return struct(
        EVENTS.field("geo").type,
        len(place),
        city=_of(PLACES, "city", place),
        country=pick([p.country.name for p in PLACES], place),
        continent=pick([p.country.continent for p in PLACES], place),
        region=_of(PLACES, "region", place),
        sub_continent=pick([p.country.sub_continent for p in PLACES], place),
        metro=constant(UNKNOWN, len(place)),
    )


def _first_user_source(sessions: Sessions) -> pa.StructArray:
    return struct(
        EVENTS.field("traffic_source").type,
        len(sessions),
        absent=sessions.client == 0,
        name=_of(CHANNELS, "campaign", sessions.first_channel),
        medium=_of(CHANNELS, "medium", sessions.first_channel),
        source=_of(CHANNELS, "source", sessions.first_channel),
    )


def _collected_source(sessions: Sessions, lands: Flags) -> pa.StructArray:
    """What the landing page's address carried; null on later pages and without campaign parameters."""
    tagged = lands & np.array([channel.is_tagged for channel in CHANNELS])[sessions.channel]
    return struct(
        EVENTS.field("collected_traffic_source").type,
        len(sessions),
        absent=~tagged,
        manual_campaign_name=_of(CHANNELS, "campaign", sessions.channel),
        manual_source=_of(CHANNELS, "source", sessions.channel),
        manual_medium=_of(CHANNELS, "medium", sessions.channel),
    )


def _last_click(channel: Ints) -> pa.StructArray:
    data_type, size = EVENTS.field("session_traffic_source_last_click").type, len(channel)
    named = {
        "campaign_name": _of(CHANNELS, "campaign", channel),
        "source": _of(CHANNELS, "source", channel),
        "medium": _of(CHANNELS, "medium", channel),
    }
    group = _of(CHANNELS, "group", channel)
    return struct(
        data_type,
        size,
        manual_campaign=struct(data_type.field("manual_campaign").type, size, **named),
        google_ads_campaign=pa.nulls(size, data_type.field("google_ads_campaign").type),
        cross_channel_campaign=struct(
            data_type.field("cross_channel_campaign").type,
            size,
            default_channel_group=group,
            primary_channel_group=group,
            **named,
        ),
    )


def _of(pool: Sequence[NamedTuple], field: str, codes: Ints) -> pa.StringArray:
    return pick([getattr(row, field) for row in pool], codes)
