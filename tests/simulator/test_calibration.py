from datetime import date

import pytest

from simulator import calibration, export
from simulator.calibration import REFERENCES, Bound, Figure
from simulator.shop import Shop


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """Two weeks, large enough that chance alone moves a rare step of the funnel by a few percent only."""
    folder = tmp_path_factory.mktemp("calibration")
    export.write(folder, Shop(first_day=date(2026, 1, 5), days=14, sessions_per_day=1800))
    return {figure.name: figure for figure in calibration.compare(folder)}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_figure_is_within_its_bound(figures: dict[str, Figure], name: str) -> None:
    assert figures[name].is_within, f"{figures[name]}"


def test_each_step_of_the_funnel_is_reached_by_fewer_sessions(figures: dict[str, Figure]) -> None:
    steps = ("view_item", "add_to_cart", "begin_checkout", "add_payment_info", "purchase")
    reached = [figures[f"Sessions with {step}, %"].simulated for step in steps]
    assert reached == sorted(reached, reverse=True)
    assert len(set(reached)) == len(reached)


def test_a_bound_is_in_units_or_relative_to_the_reference() -> None:
    assert Bound(2).allows(50, 52)
    assert not Bound(2).allows(50, 52.1)
    assert Bound(0.1, is_relative=True).allows(50, 55)
    assert not Bound(0.1, is_relative=True).allows(50, 44.9)


def test_the_table_says_which_figure_is_outside_its_bound() -> None:
    table = calibration.render(
        [Figure("Pages", 10, 12, Bound(0.1, is_relative=True)), Figure("Events", 10, 11, Bound(2))]
    )
    assert table.splitlines()[2:] == [
        "| Pages | 10 | 12 | +2 | 10% | no |",
        "| Events | 10 | 11 | +1 | 2 points | yes |",
    ]
