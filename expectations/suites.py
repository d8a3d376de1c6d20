"""Expectation suites: the contract of a feature table, and what a contract can't say."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, Column, FeatureTable

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import Expectation

EXPORT_COLUMNS = ("event_date", "event_timestamp", "event_name", "user_pseudo_id", "stream_id")


def build_suite(table: FeatureTable, last: date) -> "ExpectationSuite":
    """What the contract of `table` states of its rows; where each day has some, also that they reach the day `last`."""
    import great_expectations as gx

    return gx.ExpectationSuite(name=table.view, expectations=list(_table_expectations(table, last)))


def build_export_suite(days: Sequence[date]) -> "ExpectationSuite":
    """What holds of the landed events of `days`, whatever the shop."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        name="ga4_export",
        expectations=[
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
            gxe.ExpectTableColumnsToMatchSet(column_set=list(EXPORT_COLUMNS)),
            gxe.ExpectColumnDistinctValuesToEqualSet(column="event_date", value_set=[f"{day:%Y%m%d}" for day in days]),
            gxe.ExpectColumnValuesToNotBeNull(column="event_timestamp"),
            gxe.ExpectColumnValuesToNotBeNull(column="event_name"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="event_name", min_value=1, max_value=40),
            gxe.ExpectColumnDistinctValuesToContainSet(column="event_name", value_set=["page_view"]),
            gxe.ExpectColumnValueLengthsToBeBetween(column="user_pseudo_id", min_value=1, max_value=128),
        ],
    )


def _table_expectations(table: FeatureTable, last: date) -> Iterator["Expectation"]:
    import great_expectations.expectations as gxe

    if table.every_day:
        yield gxe.ExpectTableRowCountToBeBetween(min_value=1)
        newest = pd.Timestamp(last).to_pydatetime()
        yield gxe.ExpectColumnMaxToBeBetween(column=table.day, min_value=newest)
    yield gxe.ExpectTableColumnsToMatchOrderedList(column_list=[column.name for column in table.columns])
    if len(table.key) == 1:
        yield gxe.ExpectColumnValuesToBeUnique(column=table.key[0])
    else:
        yield gxe.ExpectCompoundColumnsToBeUnique(column_list=list(table.key))
    yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=KNOWN_AT, column_B=FEATURE_AT, or_equal=True)
    for column in table.columns:
        yield from _column_expectations(column)


def _column_expectations(column: Column) -> Iterator["Expectation"]:
    import great_expectations.expectations as gxe

    if not column.is_nullable:
        yield gxe.ExpectColumnValuesToNotBeNull(column=column.name)
    if column.minimum is not None or column.maximum is not None:
        yield gxe.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.minimum, max_value=column.maximum)
    if column.at_most is not None:
        yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=column.at_most, column_B=column.name, or_equal=True, ignore_row_if="either_value_is_missing"
        )
