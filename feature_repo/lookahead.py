"""A probe of training rows: each feature is the one that was known at the row's moment, by both clocks."""

import duckdb

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from feature_repo.offline import MOMENT


class LookAheadError(ValueError):
    """A training row holds a value that was not known at its moment; the message names the feature and the rows."""


def probe(connection: duckdb.DuckDBPyConnection, rows: str, table: FeatureTable, versions: str) -> None:
    """Refuse rows whose features are not those of the newest version of `table` that was known then.

    It goes another way than the join that made the rows: every version of the row's entity is looked at.

    Args:
        connection: Where both queries can be asked.
        rows: SQL for training rows; those of many are best sampled.
        table: The contract of the features; those that the rows lack are passed over.
        versions: SQL for all versions of the table's rows, of the rows' entities at least.

    Raises:
        LookAheadError: a feature differs in at least one row.
    """
    there = {name for name, *_ in connection.execute(f"describe {rows}").fetchall()}
    features = [column.name for column in table.features if column.name in there]
    if not features:
        return
    differ = ", ".join(f"count(*) filter (rows.{name} is distinct from known.{name})" for name in features)
    newest = f"order by versions.{FEATURE_AT} desc, versions.{KNOWN_AT} desc"
    query = f"""
        with
        rows as (select *, row_number() over () as place from ({rows})),
        versions as ({versions}),
        known as (
            select rows.place, versions.* from rows inner join versions using ({table.join_key})
            where versions.{FEATURE_AT} <= rows.{MOMENT} and versions.{KNOWN_AT} <= rows.{MOMENT}
                and versions.{FEATURE_AT} + interval {table.ttl.total_seconds():.0f} second >= rows.{MOMENT}
            qualify row_number() over (partition by rows.place {newest}) = 1
        )
        select count(*), {differ} from rows left join known using (place)
    """
    counts = connection.execute(query).fetchone() or (0,)
    wrong = [f"{name} in {count}" for name, count in zip(features, counts[1:], strict=True) if count]
    if wrong:
        raise LookAheadError(
            f"Of {counts[0]} training rows, these differ from what {table.view} held at their moment: "
            f"{', '.join(wrong)}. No row may hold what was known later: join by {FEATURE_AT} and {KNOWN_AT}."
        )
