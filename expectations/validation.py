"""Validating a table against a suite; figures come back, rows and values do not."""

import time
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
    """What came of one expectation; counts are of rows, null where the expectation is not about rows."""

    expectation: str
    column: str
    is_met: bool
    is_warning: bool
    rows: int | None
    unexpected: int | None
    error: str


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
    )


def _subject(arguments: dict[str, Any]) -> str:
    if "column_A" in arguments:
        return f"{arguments['column_A']}, {arguments['column_B']}"
    if "column_list" in arguments:
        return ", ".join(arguments["column_list"][:3]) + (", ..." if len(arguments["column_list"]) > 3 else "")
    return str(arguments.get("column", ""))


def _error(raised: dict[str, Any]) -> str:
    """Why an expectation could not be evaluated; metrics of it may have raised instead, each under its own key."""
    infos = [raised] if "raised_exception" in raised else list(raised.values())
    return next((str(info["exception_message"]) for info in infos if info["raised_exception"]), "")
