"""Validations as the results of asset checks: figures, and a link to the page."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.resources import ReportsResource, names

if TYPE_CHECKING:
    from expectations.validation import Validation

_PAGES = "expectations"


def result_of(validation: "Validation", reports: ReportsResource) -> dg.AssetCheckResult:
    """What a check tells of a validation."""
    from expectations import data_docs

    page = data_docs.write_page(validation, reports.path(_PAGES, "index.html").parent, datetime.now(UTC))
    failed = [outcome.told for outcome in validation.failed]
    return dg.AssetCheckResult(
        passed=validation.is_passed,
        description="; ".join(failed) or "Every expectation is met.",
        metadata={
            "expectations": len(validation.outcomes),
            "failed": len(validation.failed),
            "warnings": names([outcome.expectation for outcome in validation.warned]),
            "rows": validation.rows,
            "seconds": validation.seconds,
            "page": reports.link(_PAGES, page.name),
        },
    )
