"""Which rows of an export can't be events, and why."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 40
MAX_PARAMS = 1_000
DATE_MISMATCH = "E_DATE_MISMATCH"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRIMMED = "trim(translate({0}, '\t\n\v\f\r', '     '))"
_REVENUES = ("event_value_in_usd", "ecommerce.purchase_revenue_in_usd", "ecommerce.purchase_revenue")
_SESSION_IDS = "list_transform(session_ids, lambda param: param.value.string_value)"


@dataclass(frozen=True)
class Rule:
    """A reason to keep a row out: SQL that is true of such a row, and SQL that says what is wrong with it."""

    code: str
    condition: str
    detail: str


def rules(day: date) -> tuple[Rule, ...]:
    """The rules for rows of `day`, the first that holds counts; SQL over the export's columns and `session_ids`."""
    return (*_of_time(day), *_of_values())


def _of_time(day: date) -> tuple[Rule, ...]:
    """In any time zone a day's events lie within two days of it, a day of clock skew allowed on each side."""
    digits = f"{day:%Y%m%d}"
    earliest, latest = (
        (datetime.combine(day, time(), UTC) + timedelta(days=days) - _EPOCH) // _MICROSECOND for days in (-2, 3)
    )
    within = f"event_timestamp >= {earliest} and event_timestamp < {latest}"
    is_coarse = " or ".join(
        f"event_timestamp between {earliest // unit} and {latest // unit}" for unit in (1_000, 1_000_000)
    )
    return (
        Rule(
            DATE_MISMATCH,
            f"event_date is distinct from '{digits}'",
            f"'event_date is ' || coalesce(event_date, 'null') || '; the file is of {digits}'",
        ),
        Rule(
            "E_TS_UNIT",
            is_coarse,
            "'event_timestamp is ' || event_timestamp || ', in seconds or milliseconds; microseconds are needed'",
        ),
        Rule(
            "E_TS_RANGE",
            f"not coalesce({within}, false)",
            f"'event_timestamp is ' || coalesce(cast(event_timestamp as varchar), 'null') "
            f"|| '; microseconds UTC near {day} are needed'",
        ),
    )


def _of_values() -> tuple[Rule, ...]:
    return (
        Rule(
            "E_ID_INVALID",
            _unfit_text("user_pseudo_id", MAX_ID_LENGTH),
            f"'user_pseudo_id is blank, longer than {MAX_ID_LENGTH} or holds NUL'",
        ),
        Rule(
            "E_NAME_INVALID",
            f"event_name is null or {_unfit_text('event_name', MAX_NAME_LENGTH)}",
            f"'event_name is blank, longer than {MAX_NAME_LENGTH} or holds NUL'",
        ),
        Rule(
            "E_PARAMS_TOO_MANY",
            f"len(event_params) > {MAX_PARAMS}",
            f"len(event_params) || ' event_params; at most {MAX_PARAMS} are read'",
        ),
        Rule(
            "E_SESSION_ID_INVALID",
            f"len(list_filter({_SESSION_IDS}, lambda id: not regexp_full_match(id, '[+-]?[0-9]+'))) > 0",
            f"'ga_session_id is no whole number: ' || array_to_string({_SESSION_IDS}, ', ')",
        ),
        Rule(
            "E_NOT_FINITE",
            " or ".join(f"not coalesce(isfinite({revenue}), true)" for revenue in _REVENUES),
            "'a revenue is not a finite number'",
        ),
    )


def _unfit_text(text: str, longest: int) -> str:
    # trim() takes tabs and line breaks for text
    return f"({_TRIMMED.format(text)} = '' or length({text}) > {longest} or contains({text}, chr(0)))"
