"""The GA4 BigQuery export schema of `events_YYYYMMDD`, as an Arrow schema.

Names, nesting and types are those of Google's page on the export (developers.google.com/analytics/bigquery); order is
ours, because exports of different years differ in it and are bound by name.
"""

import pyarrow as pa

REQUIRED = ("event_date", "event_timestamp", "event_name", "event_params", "user_pseudo_id")
"""Columns without which a file is not a GA4 export; all others are null where an export lacks them."""

SIMULATED = b"tactful.simulated"
"""The key in the metadata of a Parquet file whose visitors are made up."""


def _strings(*names: str) -> pa.DataType:
    return pa.struct([(name, pa.string()) for name in names])


def _key_values(*, timed: bool = False) -> pa.DataType:
    value = [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
    if timed:
        value.append(("set_timestamp_micros", pa.int64()))
    return pa.list_(pa.struct([("key", pa.string()), ("value", pa.struct(value))]))


_DEVICE = pa.struct(
    [
        ("category", pa.string()),
        ("mobile_brand_name", pa.string()),
        ("mobile_model_name", pa.string()),
        ("mobile_marketing_name", pa.string()),
        ("mobile_os_hardware_model", pa.string()),
        ("operating_system", pa.string()),
        ("operating_system_version", pa.string()),
        ("vendor_id", pa.string()),
        ("advertising_id", pa.string()),
        ("language", pa.string()),
        ("is_limited_ad_tracking", pa.string()),
        ("time_zone_offset_seconds", pa.int64()),
        ("browser", pa.string()),
        ("browser_version", pa.string()),
        ("web_info", _strings("browser", "browser_version", "hostname")),
    ]
)

_ECOMMERCE = pa.struct(
    [
        ("total_item_quantity", pa.int64()),
        ("purchase_revenue_in_usd", pa.float64()),
        ("purchase_revenue", pa.float64()),
        ("refund_value_in_usd", pa.float64()),
        ("refund_value", pa.float64()),
        ("shipping_value_in_usd", pa.float64()),
        ("shipping_value", pa.float64()),
        ("tax_value_in_usd", pa.float64()),
        ("tax_value", pa.float64()),
        ("unique_items", pa.int64()),
        ("transaction_id", pa.string()),
    ]
)

_ITEM = pa.struct(
    [
        ("item_id", pa.string()),
        ("item_name", pa.string()),
        ("item_brand", pa.string()),
        ("item_variant", pa.string()),
        ("item_category", pa.string()),
        ("item_category2", pa.string()),
        ("item_category3", pa.string()),
        ("item_category4", pa.string()),
        ("item_category5", pa.string()),
        ("price_in_usd", pa.float64()),
        ("price", pa.float64()),
        ("quantity", pa.int64()),
        ("item_revenue_in_usd", pa.float64()),
        ("item_revenue", pa.float64()),
        ("item_refund_in_usd", pa.float64()),
        ("item_refund", pa.float64()),
        ("coupon", pa.string()),
        ("affiliation", pa.string()),
        ("location_id", pa.string()),
        ("item_list_id", pa.string()),
        ("item_list_name", pa.string()),
        ("item_list_index", pa.string()),
        ("promotion_id", pa.string()),
        ("promotion_name", pa.string()),
        ("creative_name", pa.string()),
        ("creative_slot", pa.string()),
        ("item_params", _key_values()),
    ]
)

_COLLECTED_TRAFFIC_SOURCE = _strings(
    "manual_campaign_id",
    "manual_campaign_name",
    "manual_source",
    "manual_medium",
    "manual_term",
    "manual_content",
    "manual_source_platform",
    "manual_creative_format",
    "manual_marketing_tactic",
    "gclid",
    "dclid",
    "srsltid",
)

_LAST_CLICK = pa.struct(
    [
        (
            "manual_campaign",
            _strings(
                "campaign_id",
                "campaign_name",
                "source",
                "medium",
                "term",
                "content",
                "source_platform",
                "creative_format",
                "marketing_tactic",
            ),
        ),
        (
            "google_ads_campaign",
            _strings("customer_id", "account_name", "campaign_id", "campaign_name", "ad_group_id", "ad_group_name"),
        ),
        (
            "cross_channel_campaign",
            _strings(
                "campaign_id",
                "campaign_name",
                "source",
                "medium",
                "source_platform",
                "default_channel_group",
                "primary_channel_group",
            ),
        ),
    ]
)

EVENTS = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", _key_values()),
        ("event_previous_timestamp", pa.int64()),
        ("event_value_in_usd", pa.float64()),
        ("event_bundle_sequence_id", pa.int64()),
        ("event_server_timestamp_offset", pa.int64()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("privacy_info", _strings("analytics_storage", "ads_storage", "uses_transient_token")),
        ("user_properties", _key_values(timed=True)),
        ("user_first_touch_timestamp", pa.int64()),
        ("user_ltv", pa.struct([("revenue", pa.float64()), ("currency", pa.string())])),
        ("device", _DEVICE),
        ("geo", _strings("city", "country", "continent", "region", "sub_continent", "metro")),
        ("app_info", _strings("id", "version", "install_store", "firebase_app_id", "install_source")),
        ("traffic_source", _strings("name", "medium", "source")),
        ("stream_id", pa.string()),
        ("platform", pa.string()),
        ("event_dimensions", _strings("hostname")),
        ("ecommerce", _ECOMMERCE),
        ("items", pa.list_(_ITEM)),
        ("collected_traffic_source", _COLLECTED_TRAFFIC_SOURCE),
        ("is_active_user", pa.bool_()),
        ("batch_event_index", pa.int64()),
        ("batch_page_id", pa.int64()),
        ("batch_ordering_id", pa.int64()),
        ("session_traffic_source_last_click", _LAST_CLICK),
        (
            "publisher",
            pa.struct(
                [
                    ("ad_revenue_in_usd", pa.float64()),
                    ("ad_format", pa.string()),
                    ("ad_source_name", pa.string()),
                    ("ad_unit_id", pa.string()),
                ]
            ),
        ),
    ]
)
