"""What makes an event itself: rows that agree in it are one event that was delivered more than once.

`bigquery__event_key` in dbt says the same in GoogleSQL, where no landing stands before the warehouse; a test runs both.
"""

# Numbers are written in millionths: the engines agree on whole numbers' text and not on fractions'.
_DOUBLE = "coalesce(cast(try_cast(round({0} * 1000000) as bigint) as varchar), '')"
_PARAM = (
    "concat(param.key, '=', coalesce(param.value.string_value, cast(param.value.int_value as varchar), "
    f"{_DOUBLE.format('coalesce(param.value.double_value, param.value.float_value)')}))"
)
_ITEM = "concat(coalesce(item.item_id, ''), 'x', coalesce(cast(item.quantity as varchar), ''))"
_BATCH = ("event_bundle_sequence_id", "batch_page_id", "batch_ordering_id", "batch_event_index")

PLACE = ("user_pseudo_id", "event_name", "event_timestamp", *_BATCH)
"""Where in a visitor's stream an event stands; two events with one place and other parameters are two events."""

PARAMS_TEXT = f"coalesce(array_to_string(list_transform(event_params, lambda param: {_PARAM}), '|'), '')"
"""All parameters of an event as one text, each by the first member of its value that is filled."""

_PARTS = (
    "coalesce(user_pseudo_id, '')",
    "coalesce(event_name, '')",
    "coalesce(cast(event_timestamp as varchar), '')",
    *(f"coalesce(cast({place} as varchar), '')" for place in _BATCH),
    "params_text",
    f"coalesce(array_to_string(list_transform(items, lambda item: {_ITEM}), '|'), '')",
)

FINGERPRINT = f"concat_ws('|', {', '.join(_PARTS)})"
"""The text that makes an event itself; `params_text` stands for PARAMS_TEXT."""
