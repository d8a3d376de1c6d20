from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.drift import ColumnDrift, DriftColumns, DriftPolicy, DriftReport, Verdict, judge, measure

POLICY = DriftPolicy(threshold=0.2, min_rows=1_000)
COLUMNS = DriftColumns(numeric=["pages"], categorical=["device"])


def _visits(rows: int, seed: int, mean: float = 5.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"pages": rng.normal(mean, 2.0, rows), "device": rng.choice(["desktop", "mobile"], rows)})


def _measured(reference: pd.DataFrame, current: pd.DataFrame, page: Path) -> DriftReport:
    return measure(reference, current, COLUMNS, POLICY, page)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "drift.html"


@pytest.mark.parametrize("seed", range(3))
def test_a_week_like_the_ones_before_is_stable(page: Path, seed: int) -> None:
    report = _measured(_visits(8_000, seed), _visits(1_000, seed + 100), page)

    assert judge(report, POLICY).verdict == Verdict.STABLE
    assert "<html" in page.read_text()[:2_000].lower()


def test_a_shifted_column_is_named(page: Path) -> None:
    verdict = judge(_measured(_visits(8_000, 1), _visits(1_000, 2, mean=9.0), page), POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.DRIFT, ("pages",))


def test_a_level_never_seen_is_told_apart_and_gives_no_alarm_by_itself(page: Path) -> None:
    current = _visits(1_000, 2)
    current.loc[0, "device"] = "fridge"

    report = _measured(_visits(8_000, 1), current, page)

    assert {column.column: column.new_levels for column in report.columns}["device"] == ("fridge",)
    assert judge(report, POLICY).verdict == Verdict.STABLE


def test_the_frames_are_left_as_they_were(page: Path) -> None:
    reference, current = _visits(1_000, 1), _visits(1_000, 2)
    before = reference.copy(), current.copy()

    _measured(reference, current, page)

    pd.testing.assert_frame_equal(reference, before[0])
    pd.testing.assert_frame_equal(current, before[1])


@pytest.mark.parametrize("rows", [0, 1, 999])
def test_few_rows_are_not_enough(page: Path, rows: int) -> None:
    assert judge(_measured(_visits(8_000, 1), _visits(rows, 2), page), POLICY).verdict == Verdict.NOT_ENOUGH_DATA


@pytest.mark.parametrize("value", [None, 5.0])
def test_an_empty_or_constant_column_is_reported_and_not_judged(page: Path, value: float | None) -> None:
    reference = _visits(2_000, 1).assign(pages=value)

    report = _measured(reference, _visits(2_000, 2), page)

    assert report.unmeasured == ("pages",)
    assert [column.column for column in report.columns] == ["device"]


@given(
    psi=st.lists(st.floats(0, 10), min_size=1, max_size=5),
    rows=st.integers(0, 5_000),
    threshold=st.floats(0.01, 5),
)
def test_the_verdict_is_drift_just_where_a_column_reaches_the_threshold(
    psi: list[float], rows: int, threshold: float
) -> None:
    columns = tuple(ColumnDrift(str(place), value) for place, value in enumerate(sorted(psi, reverse=True)))
    verdict = judge(DriftReport(columns, (), 5_000, rows), DriftPolicy(threshold, 1_000))

    if rows < 1_000:
        assert verdict.verdict == Verdict.NOT_ENOUGH_DATA
    else:
        assert (verdict.verdict == Verdict.DRIFT) == (max(psi) >= threshold)
