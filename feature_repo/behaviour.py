"""The catalogue of behavioural features: what is counted of a day, and the ways in which days are summed up.

Their contract is written from it by `python -m feature_repo.behaviour`; their SQL follows from the contract.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tactful.dbt import DBT_PROJECT

CONTRACT = DBT_PROJECT / "models" / "marts" / "features" / "fct_user_behaviour.yml"
MODEL = "buyer_stage"
MEMORY = 28
"""Days that a row remembers, its own the last of them."""

Number = Literal["int64", "float64"]
Aggregation = Literal["sum", "active_days", "largest", "per_session", "share", "since_last", "since_first"]

_TIMES: tuple[Aggregation, ...] = ("active_days", "since_last", "since_first")


@dataclass(frozen=True)
class Measure:
    """A column of int_user_days; `what` names the things that it counts or sums.

    `without` are aggregations that would say what is known anyway: money comes on days with a purchase.
    """

    name: str
    what: str
    data_type: Number = "int64"
    without: tuple[Aggregation, ...] = ()


@dataclass(frozen=True)
class Summary:
    """A way to sum up the days of a measure, over each of `windows`; names and words stand in `{}`.

    A share of nothing, and the day of what never happened, are null. None as type stands for the measure's own. A
    `maximum` is stated where numbers are divided: what is counted can't leave its window.
    """

    aggregation: Aggregation
    windows: tuple[int, ...]
    name: str
    description: str
    data_type: Number | None = None
    is_nullable: bool = False
    maximum: int | None = None


@dataclass(frozen=True)
class Rule:
    """How a feature is built, as its column's meta tells the SQL."""

    measure: str
    aggregation: Aggregation
    days: int


MEASURES = (
    Measure("sessions", "sessions", without=("per_session", "since_last")),
    Measure("page_views", "pages viewed"),
    Measure("scrolls", "pages scrolled to nine tenths"),
    Measure("item_clicks", "items picked from lists"),
    Measure("item_views", "item views"),
    Measure("searches", "searches"),
    Measure("promotion_clicks", "promotions clicked"),
    Measure("add_to_wishlists", "additions to the wish list"),
    Measure("add_to_carts", "additions to the cart"),
    Measure("remove_from_carts", "removals from the cart"),
    Measure("cart_views", "views of the cart"),
    Measure("checkouts", "checkouts begun"),
    Measure("shipping_infos", "shipping methods chosen"),
    Measure("payment_infos", "payment methods chosen"),
    Measure("purchases", "purchases"),
    Measure("revenue_usd", "US dollars of revenue", "float64", without=_TIMES),
    Measure("engagement_seconds", "seconds in the foreground", "float64", without=_TIMES),
    Measure("sign_ins", "registrations and logins"),
    Measure("popup_views", "pop-ups shown"),
    Measure("popup_closes", "pop-ups closed"),
)

SUMMARIES = (
    Summary("sum", (1, 3, 7, 14, MEMORY), "{name}_{days}d", "{what} of {period}."),
    Summary("active_days", (7, MEMORY), "days_with_{name}_{days}d", "days with {what}, of {days}.", "int64"),
    Summary("largest", (MEMORY,), "most_{name}_a_day_{days}d", "{what} on the day with most, of {days}."),
    Summary("per_session", (MEMORY,), "{name}_per_session_{days}d", "{what} by session, of {days} days.", "float64"),
    Summary(
        "share",
        (1, 7),
        "share_of_{name}_{days}d",
        f"share of {{period}} in the {{what}} of {MEMORY} days.",
        "float64",
        is_nullable=True,
        maximum=1,
    ),
    Summary(
        "since_last",
        (MEMORY,),
        "days_since_{name}",
        "whole days since the last day with {what}, of {days}.",
        "int64",
        is_nullable=True,
    ),
    Summary(
        "since_first",
        (MEMORY,),
        "days_since_first_{name}",
        "whole days since the first day with {what}, of {days}.",
        "int64",
        is_nullable=True,
    ),
)


def columns() -> Iterator[Mapping[str, Any]]:
    """The features as dbt's columns, with the rule of each in its meta."""
    for measure in MEASURES:
        for summary in SUMMARIES:
            if summary.aggregation not in measure.without:
                yield from (_column(measure, summary, days) for days in summary.windows)


def contract() -> str:
    """The contract of the table that holds the features, as YAML that dbt reads: a line a column, each of it JSON."""
    stated = {
        "day": "feature_date",
        "view": "user_behaviour",
        "entity": "user",
        "join_key": "user_pseudo_id",
        "key": ["user_pseudo_id", "feature_date"],
        "ttl_days": 3,
        "online": False,
        "remembered_days": MEMORY,
    }
    lines = (f"      - {json.dumps(column)}" for column in (*_keys(), *columns()))
    return f"""\
# Written by `python -m feature_repo.behaviour` from the catalogue there.
models:
  - name: fct_user_behaviour
    description: One row per user and day with a visit, as the day ended, and what the user did within {MEMORY} days.
    config:
      meta: {json.dumps(stated)}
      partition_by: {{field: feature_date, data_type: date}}
      cluster_by: [user_pseudo_id]
    columns:
{chr(10).join(lines)}
    data_tests:
      - unique_key: {{arguments: {{columns: [user_pseudo_id, feature_date]}}}}
"""


_NOT_NULL = {"constraints": [{"type": "not_null"}]}


def _keys() -> Iterator[Mapping[str, Any]]:
    for name, data_type, description in (
        ("user_pseudo_id", "string", "GA4's id of a browser or device."),
        ("feature_date", "date", "The day that ended."),
        ("feature_at", "timestamp", "Instant from which the row describes the user: the day's end, UTC."),
        ("known_at", "timestamp", "When GA4 had delivered the events behind the row, UTC."),
    ):
        yield {"name": name, "data_type": data_type, "description": description, **_NOT_NULL}


def _column(measure: Measure, summary: Summary, days: int) -> Mapping[str, Any]:
    period = "the day" if days == 1 else f"{days} days"
    words = {"name": measure.name, "what": measure.what, "days": days, "period": period}
    description = summary.description.format(**words)
    bounds = {} if summary.maximum is None else {"min": 0, "max": summary.maximum}
    rule = asdict(Rule(measure.name, summary.aggregation, days))
    return {
        "name": summary.name.format(**words),
        "data_type": summary.data_type or measure.data_type,
        "description": description[0].upper() + description[1:],
        **({} if summary.is_nullable else _NOT_NULL),
        "config": {"meta": {"models": [MODEL], **bounds, "behaviour": rule}},
    }


if __name__ == "__main__":
    CONTRACT.write_text(contract())
