import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import drift_page, null_psi
from ml.null_psi import Counted, Exchange, Units

WEEKS = 6


def _units(rows: int, seed: int = 0) -> Units:
    return Units(np.random.default_rng(seed).integers(0, 7 * (WEEKS + 1), rows), strata=7, size=WEEKS + 1)


def _values(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "seconds": rng.lognormal(3, 1, rows),
            "pages": rng.poisson(4, rows).astype(float),
            "with_gaps": np.where(rng.random(rows) < 0.3, np.nan, rng.gamma(0.3, 400, rows)),
            "device": rng.choice(["desktop", "mobile", "tablet"], rows, p=[0.58, 0.4, 0.02]),
            "place": rng.choice([f"place {n}" for n in range(300)], rows, p=np.arange(1, 301)[::-1] / 45_150),
        }
    )


def _observed(column: Counted) -> float:
    reference, current = column.totals[:, 1:].sum(axis=(0, 1)), column.totals[:, 0].sum(axis=0)
    return float(null_psi.statistic(column.kind, reference, current))


@pytest.mark.parametrize("rows", [700, 9_000])
def test_what_is_observed_is_evidently_s_index(rows: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    values, units = _values(rows, seed=rows), _units(rows)
    texts = ["device", "place"]
    numbers = ["seconds", "pages", "with_gaps"]
    sides = [values[units.is_current == is_current].reset_index(drop=True) for is_current in (False, True)]
    reference, current = sides
    known = {name: current[name].where(current[name].isin(reference[name].unique())) for name in texts}
    page = tmp_path_factory.mktemp("page") / "evidently.html"

    theirs = drift_page.draw(reference, current.assign(**known), texts, dict.fromkeys([*numbers, *texts], 0.1), page)
    ours = [null_psi.numbers(name, values[name], units) for name in numbers]
    ours += [null_psi.levels(name, values[name], units) for name in texts]

    assert {column.name: _observed(column) for column in ours} == pytest.approx(theirs)
    assert "<html" in page.read_text()[:2_000].lower()


def test_the_order_of_rows_in_a_unit_changes_nothing() -> None:
    values, units = _values(3_000, seed=1), _units(3_000)
    order = np.random.default_rng(5).permutation(3_000)
    shuffled = Units(units.cell[order], units.strata, units.size)

    told = null_psi.judge([null_psi.numbers("seconds", values["seconds"], units)], Exchange())
    again = null_psi.judge(
        [null_psi.numbers("seconds", values["seconds"].iloc[order].reset_index(drop=True), shuffled)], Exchange()
    )

    assert told == again


@given(factor=st.sampled_from([0.125, 0.5, 2.0, 64.0]), offset=st.sampled_from([-8.0, 0.0, 16.0]))
def test_the_unit_of_a_number_changes_nothing(factor: float, offset: float) -> None:
    """Of factors and offsets that floating point multiplies and adds without rounding."""
    units = _units(2_000)
    values = pd.Series(np.random.default_rng(3).integers(0, 200, 2_000).astype(float))

    told = null_psi.numbers("x", values, units)
    scaled = null_psi.numbers("x", values * factor + offset, units)

    assert (told.totals == scaled.totals).all()


@given(relabelled=st.permutations(["desktop", "mobile", "tablet"]))
def test_the_names_of_levels_change_nothing(relabelled: list[str]) -> None:
    units, device = _units(2_000), _values(2_000, seed=4)["device"]
    names = dict(zip(["desktop", "mobile", "tablet"], relabelled, strict=True))

    told = null_psi.levels("device", device, units)
    renamed = null_psi.levels("device", device.map(names), units)

    assert _observed(told) == pytest.approx(_observed(renamed))


def test_sides_that_are_the_same_have_not_moved() -> None:
    totals = np.tile(np.array([30.0, 50.0, 20.0]), (7, WEEKS + 1, 1))

    (judged,) = null_psi.judge([Counted("device", totals, "levels")], Exchange())

    assert (judged.value, judged.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("dependent", [False, True])
def test_of_windows_without_drift_few_give_an_alarm_whether_or_not_rows_of_a_unit_are_alike(dependent: bool) -> None:
    """400 windows of 20 columns, 5 % of which may give an alarm; 8 % is three standard deviations above."""
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(400):
        rates = np.array([60.0, 25.0, 10.0, 5.0]) * np.ones((20, 7, WEEKS + 1, 4))
        # a day has a taste of its own, as one on which a newsletter goes out
        totals = rng.poisson(rates * rng.gamma(10, 1 / 10, rates.shape) if dependent else rates)
        family = [Counted(f"{n}", column.astype(float), "levels") for n, column in enumerate(totals)]
        exchange = Exchange(alpha=0.05, times=199)
        alarms += bool(null_psi.moved(null_psi.judge(family, exchange), exchange))

    assert alarms / 400 < 0.08


def test_a_fixed_threshold_would_be_loud_on_few_rows_and_deaf_on_many() -> None:
    rng = np.random.default_rng(2)
    few = rng.poisson(14 / 20, (7, WEEKS + 1, 20)).astype(float)
    many = rng.poisson(100.0, (7, WEEKS + 1, 20)).astype(float)
    many[:, 0, :10] *= 1.2

    (loud,), (deaf,) = (null_psi.judge([Counted("x", totals, "levels")], Exchange()) for totals in (few, many))

    assert loud.value > 0.1
    assert loud.p_value > 0.05
    assert deaf.value < 0.1
    assert deaf.p_value < 0.001


def test_a_ratio_moves_with_what_came_true() -> None:
    rng = np.random.default_rng(1)
    units = _units(20_000)
    rate = np.where(units.is_current, 0.08, 0.04)
    came_true = (rng.random(20_000) < rate).astype(float)

    moved, steady = (
        null_psi.judge([null_psi.ratio("rate", came_true, expected, units)], Exchange())[0].p_value
        for expected in (np.ones(20_000), rate)
    )

    assert moved < 0.001
    assert steady > 0.05
