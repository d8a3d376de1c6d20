"""The history of published feature rows: a row is never changed, a newer version of it is written beside it.

A row is what its entity was at `feature_at`. Feast takes, of the versions known at a moment, the newest `feature_at`
and then the newest `known_at`; so a version counts from when it is known, and what it replaces counts until then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from feature_repo.contract import FEATURE_AT, KNOWN_AT, Column, FeatureTable

RETRACTED = "is_retracted"
"""The column that is true of a version which stands in for a row that is no more."""


def first(source: str, table: FeatureTable) -> str:
    """SQL for the rows of `$day` in `source`, as they are first published."""
    return f"select *, false as {RETRACTED} from {source} where {table.day} = $day"


def newest(files: str, table: FeatureTable, days: str) -> str:
    """SQL for the newest version of each published row whose day meets the condition `days`."""
    published = f"read_parquet('{files}') where {table.day} {days}"
    # a window over whole rows takes four times as long
    return f"""
        select rows.* from (from {published}) as rows
        semi join (
            select {_identity(table)}, max({KNOWN_AT}) as {KNOWN_AT} from {published} group by all
        ) as newest using ({_identity(table)}, {KNOWN_AT})
    """


def newest_of_each(rows: str, table: FeatureTable) -> str:
    """SQL for the newest of an entity's `rows`; BigQuery understands it too."""
    return f"""
        select * from ({rows}) as told
        where true
        qualify row_number() over (partition by {table.join_key} order by {FEATURE_AT} desc, {KNOWN_AT} desc) = 1
    """


def known_then(rows: str, moments: str, table: FeatureTable) -> str:
    """SQL for the version among `rows` that Feast takes at each of `moments`, in the order of their `place`.

    Of what its entity was by then, as known by then: the newest `feature_at`, then the newest `known_at`. Nulls where
    nothing was known.
    """
    return f"""
        select told.* exclude ({table.join_key})
        from ({moments}) as moments
        left join ({rows}) as told
            on told.{table.join_key} = moments.{table.join_key}
            and told.{FEATURE_AT} <= moments.event_timestamp
            and told.{KNOWN_AT} <= moments.event_timestamp
        qualify row_number() over (
            partition by moments.place order by told.{FEATURE_AT} desc nulls last, told.{KNOWN_AT} desc
        ) = 1
        order by moments.place
    """


def counted(rows: str, moments: str, table: FeatureTable) -> str:
    """SQL for how many versions `rows` hold of the row of each of `moments`, in the order of their `place`."""
    return f"""
        select count(told.{FEATURE_AT})
        from ({moments}) as moments
        left join ({rows}) as told
            on told.{table.join_key} = moments.{table.join_key}
            and told.{FEATURE_AT} = moments.event_timestamp
        group by moments.place
        order by moments.place
    """


def corrections(source: str, files: str, table: FeatureTable, at: datetime, among: str) -> str:
    """SQL for the versions that make the published rows of the day `$again` those of `source`, known from `at` on.

    Rows that don't meet the condition `among` are known to be the same. Rows whose moment lies in a day of `$new` are
    known when they say: by them a session that goes on over midnight grows. In the place of a row that is no more
    stands the one before it, or nulls.
    """
    now = f"timestamp '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
    own_day = f"cast(timezone('{at.tzinfo}', timezone('UTC', {FEATURE_AT} - interval 1 microsecond)) as date)"
    compared = [column for column in table.columns if column.name != KNOWN_AT]
    return f"""
        with
        fresh as (select * from {source} where {table.day} = $again and {among}),
        published as ({newest(files, table, f"= $again and {among}")}),
        corrected as (
            select
                fresh.* replace (
                    {_later(f"case when list_contains($new, {own_day}) then fresh.{KNOWN_AT} else {now} end")}
                ),
                false as {RETRACTED}
            from fresh left join published using ({_identity(table)})
            where published.{RETRACTED} is distinct from false
                or {_differ("fresh", "published", compared)}
        ),
        {_retracted(source, table, now)}
        select * from corrected union all by name select * from retracted
    """


def there(source: str, files: str, table: FeatureTable) -> str:
    """SQL for the entities that were there on the days `$days`, as it was published or as `source` tells now."""
    were_there = f"where {table.day} in $days and {table.was_there}"
    return f"""
        select {table.join_key} from {source} {were_there}
        union
        select {table.join_key} from read_parquet('{files}') {were_there}
    """


def _retracted(source: str, table: FeatureTable, now: str) -> str:
    """SQL for `retracted`: what stands, from `now` on, for the rows of `published` that `fresh` lacks."""
    features_before = ", ".join(
        f"case when before.until >= gone.{FEATURE_AT} then before.{column.name} end as {column.name}"
        for column in table.features
    )
    return f"""
        gone as (select * from published anti join fresh using ({_identity(table)})),
        before as (
            select *, {FEATURE_AT} + interval {table.ttl.total_seconds():.0f} second as until
            from {source} where {table.join_key} in (select {table.join_key} from gone)
        ),
        standing_in as (
            select gone.* replace ({features_before})
            from gone asof left join before
                on gone.{table.join_key} = before.{table.join_key} and gone.{FEATURE_AT} >= before.{FEATURE_AT}
        ),
        retracted as (
            select standing_in.* replace ({_later(now)}, true as {RETRACTED})
            from standing_in inner join gone as published using ({_identity(table)})
            where not published.{RETRACTED}
                or {_differ("standing_in", "published", table.features)}
        )
    """


def _identity(table: FeatureTable) -> str:
    return f"{table.join_key}, {FEATURE_AT}, {table.day}"


def _later(known_at: str) -> str:
    """`known_at`, or just after the version that is published where that is not later."""
    return f"greatest({known_at}, published.{KNOWN_AT} + interval 1 microsecond) as {KNOWN_AT}"


def _differ(one: str, other: str, columns: Sequence[Column]) -> str:
    """Whether two rows differ; not in the last digits of a sum, which depend on the order of its parts."""
    return " or ".join(_differs(column, f"{one}.{column.name}", f"{other}.{column.name}") for column in columns)


def _differs(column: Column, left: str, right: str) -> str:
    differs = f"{left} is distinct from {right}"
    # rounded, two that stand on either side of a half would differ
    return f"coalesce(abs({left} - {right}) > 1e-6, {differs})" if column.data_type == "float64" else differs
