"""Validating a table against a suite; figures come back, rows and values do not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from expectations import witnesses
from expectations.witnesses import Decisive

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition

_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Outcome:
    """What came of one expectation; counts are of rows, null where the expectation is not about rows.

    `expected` are its bounds and `observed` what a table as a whole had instead; neither holds the value of a row.
    """

    expectation: str
    column: str
    is_met: bool
    is_warning: bool
    rows: int | None
    unexpected: int | None
    error: str
    expected: str = ""
    observed: str = ""

    @property
    def told(self) -> str:
        """The expectation with its bounds and what was observed, in one line."""
        # an error may quote a row
        failed = "an error, which its page in the reports tells" if self.error else ""
        counted = f"{self.unexpected:,} unexpected of {self.rows or 0:,} rows" if self.unexpected else ""
        found = failed or ", ".join(part for part in (self.observed, counted) if part)
        parts = (f"observed {found}" if found else "", f"expected {self.expected}" if self.expected else "")
        details = ", ".join(part for part in parts if part)
        return f"{self.expectation} of {self.column or 'the table'}" + (f": {details}" if details else "")


@dataclass(frozen=True)
class Validation:
    """What came of a suite."""

    suite: str
    rows: int
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met and must be."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_met and not outcome.is_warning)

    @property
    def warned(self) -> tuple[Outcome, ...]:
        """The expectations that were not met and should be."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_met and outcome.is_warning)

    @property
    def is_passed(self) -> bool:
        return not self.failed


def validate_all(
    connection: duckdb.DuckDBPyConnection, rows: str, suite: "ExpectationSuite", decisive: Decisive
) -> Validation:
    """What comes of `suite` on the query `rows`, told by its decisive rows; where they break it, all are counted."""
    began = time.perf_counter()
    found = witnesses.find(connection, rows, decisive)
    told = validate(found.frame, suite)
    if told.failed or told.warned:
        told = validate(connection.execute(rows).df(), suite)
    outcomes = tuple(replace(outcome, rows=outcome.rows and found.rows) for outcome in told.outcomes)
    return Validation(suite.name, found.rows, outcomes, time.perf_counter() - began)


def validate(frame: pd.DataFrame, suite: "ExpectationSuite") -> Validation:
    """What comes of `suite` on `frame`."""
    began = time.perf_counter()
    batch = _whole_frames().get_batch({"dataframe": frame})
    results = batch.validate(suite, result_format=_COUNTS_ONLY).results
    return Validation(
        suite=suite.name,
        rows=len(frame),
        outcomes=tuple(_outcome(result.to_json_dict()) for result in results),
        seconds=time.perf_counter() - began,
    )


@cache
def _whole_frames() -> "BatchDefinition[Any]":
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_pandas("frames")
    return source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")


def _outcome(result: dict[str, Any]) -> Outcome:
    config, counted, raised = result["expectation_config"], result["result"], result["exception_info"]
    return Outcome(
        expectation=config["type"],
        column=_subject(config["kwargs"]),
        is_met=result["success"],
        is_warning=config["severity"] == "warning",
        rows=counted.get("element_count"),
        unexpected=counted.get("unexpected_count"),
        error=_error(raised),
        expected=_expected(config["kwargs"]),
        observed=_observed(counted),
    )


def _expected(arguments: dict[str, Any]) -> str:
    low, high = (_plain(arguments.get(bound)) for bound in ("min_value", "max_value"))
    if low and high:
        return f"{low} to {high}"
    if low or high:
        return f"at least {low}" if low else f"at most {high}"
    return _first(arguments.get("value_set", ()))


def _observed(result: dict[str, Any]) -> str:
    mismatched = result.get("details", {}).get("mismatched", ())
    if isinstance(mismatched, list):
        pairs = ((pair["Found"] or "nothing", pair["Expected"] or "nothing") for pair in mismatched)
        return _first([f"{found} in the place of {wanted}" for found, wanted in pairs])
    if "element_count" in result or "observed_value" not in result:
        return ""
    if "missing_count" in result:
        return f"{result['missing_count']} missing, {result.get('unexpected_count', 0)} unexpected"
    value = result["observed_value"]
    return "" if isinstance(value, list) else _plain(value) or "nothing"


def _plain(value: Any) -> str:
    """A bound or an aggregate as it is read; a date stands for its midnight."""
    if value is None:
        return ""
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value).removesuffix("T00:00:00")


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _subject(arguments: dict[str, Any]) -> str:
    if "column_A" in arguments:
        return f"{arguments['column_A']}, {arguments['column_B']}"
    if "column_list" in arguments:
        return _first(arguments["column_list"])
    return str(arguments.get("column", ""))


def _error(raised: dict[str, Any]) -> str:
    """Why an expectation could not be evaluated; metrics of it may have raised instead, each under its own key."""
    infos = [raised] if "raised_exception" in raised else list(raised.values())
    return next((str(info["exception_message"]) for info in infos if info["raised_exception"]), "")
