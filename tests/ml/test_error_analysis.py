from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml.bundle import BundleFeature
from ml.error_analysis import ERRORS, ErrorReport, find_errors, strata
from ml.evaluation import outcomes_of
from ml.subgroup_card import error_section
from ml.subgroup_plots import draw_errors, draw_subgroups
from ml.subgroups import subgroups
from ml.training import Fitted
from tests.ml.test_plots import is_picture


@pytest.fixture(scope="module")
def table(shop: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return shop("converts", rows=2_000, seed=2)


@pytest.fixture(scope="module")
def report(popup_model: Fitted[BundleFeature], table: pd.DataFrame) -> ErrorReport:
    return find_errors(popup_model, table, outcomes_of(popup_model, table))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], ["up to 3"] * 3 + ["3 to 4"] + ["above 4"] * 2),
        ([0, 0, 0, 0, 5, 7, 9, None], ["up to 0"] * 4 + ["0 to 5", "above 5", "above 5", "missing"]),
        ([10_000.0, 20_000.0, 30_000.0, 40_000.0], ["up to 20,000"] * 2 + ["20,000 to 30,000", "above 30,000"]),
        ([1, 2, None], ["1", "2", "missing"]),
        ([True, False, None], ["yes", "no", "missing"]),
        (["b", "a", None], ["b", "a", "missing"]),
        ([None, None], ["missing", "missing"]),
    ],
)
def test_a_value_lies_in_a_stratum_that_can_be_read(values: list[object], expected: list[str]) -> None:
    assert strata(pd.Series(values)).tolist() == expected


def test_errors_in_all_rows_are_counted_against_their_kind(
    report: ErrorReport, popup_model: Fitted[BundleFeature], table: pd.DataFrame
) -> None:
    shown, converts = popup_model.score(table) >= popup_model.threshold, table["converts"].to_numpy()
    assert report.whole["missed"].value == pytest.approx((converts & ~shown).sum() / converts.sum())
    assert report.whole["needless"].value == pytest.approx((~converts & shown).sum() / (~converts).sum())


def test_the_most_important_features_are_looked_at_and_all_rows_are_in_a_stratum(
    report: ErrorReport, popup_model: Fitted[BundleFeature], table: pd.DataFrame
) -> None:
    looked_at = [breakdown.by for breakdown in report.breakdowns]
    assert looked_at == [name for name, share in popup_model.importance().items() if share > 0]
    assert {sum(stratum.rows for stratum in breakdown.groups) for breakdown in report.breakdowns} == {len(table)}


def test_where_it_errs_more_often_than_elsewhere_is_found_by_itself(report: ErrorReport) -> None:
    """Who looks at many pages is shown the pop-up, converting or not."""
    needless = [excess for excess in report.excesses if excess.error == "needless"]
    assert (needless[0].by, needless[0].stratum.name[:5]) == ("pages", "above")
    assert all(excess.rate.low > report.whole[excess.error].value for excess in report.excesses)
    assert f"| `pages` {needless[0].stratum.name} | {needless[0].stratum.rows:,} |" in error_section(report)


def test_without_an_excess_the_card_says_that_it_cannot_tell(report: ErrorReport) -> None:
    whole = {error: report.whole[error] for error in ERRORS}
    assert "it can't be told that it errs more often somewhere" in error_section(ErrorReport(whole, ()))


def test_groups_and_errors_are_drawn(
    report: ErrorReport, popup_model: Fitted[BundleFeature], table: pd.DataFrame, tmp_path: Path
) -> None:
    device = BundleFeature("device", "shop", "user", "string", 1.0, None, subgroup="device")
    groups = subgroups([device], table, outcomes_of(popup_model, table), popup_model.threshold)
    files = (*draw_subgroups(groups, tmp_path), *draw_errors(report, tmp_path))
    assert [file.name for file in files] == [
        "subgroups_roc_auc.png",
        "subgroups_recall.png",
        "subgroups_impressions_share.png",
        "errors_missed.png",
        "errors_needless.png",
    ]
    assert all(is_picture(file) for file in files)
