"""The truth of a shop: what is realised is what it says, and nothing but it knows it."""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import chi2

from feature_repo import contract
from simulator import export, truth
from simulator.actions import ACTIONS, NOTHING, OFFERS, POP_UP
from simulator.changes import Season, Shift
from simulator.columns import Flags, Floats, Ints
from simulator.population import Population
from simulator.popups import PopUp
from simulator.returns import Returns
from simulator.scenarios import compose
from simulator.shop import Shop
from simulator.truth import Truth
from simulator.visits import Sessions
from tactful.settings import Settings, SettingsError, load

# who comes back does so within three weeks, so that the visits of six show it of the moments of the first three
SHOP = Shop(
    days=42,
    sessions_per_day=32_000,
    opens=date(2026, 1, 5),
    pop_up=PopUp("randomised"),
    returns=Returns(days_spread=0.3),
)
EARLY_WEEKS = 3
GROUPS = {"nothing": (NOTHING,), "pop_up": (POP_UP,), "offers": OFFERS}


@dataclass(frozen=True)
class Followed:
    """Decision moments, and what came of each; whether the visitor was lost is known of the early ones."""

    known: Truth
    has_left: Flags
    was_lost: Flags
    is_early: Flags

    def of(self, what: str) -> tuple[Ints, Floats, Flags]:
        """The action, the probability under it, and whether it came true, of the moments of which that is known."""
        rows = np.flatnonzero(self.is_early) if what == "is_lost" else np.arange(len(self.known))
        action = self.known.action[rows]
        came = {"converts": self.known.has_converted, "leaves": self.has_left, "is_lost": self.was_lost}[what]
        return action, getattr(self.known, what)[rows, action], came[rows]


@pytest.fixture(scope="module")
def followed() -> Followed:
    population, days = Population(SHOP), []
    for day in SHOP.calendar:
        sessions, visits, exits = population.exits_on(day)
        pages_of = np.append(visits.steps.session, -1)
        has_left = pages_of[exits + 1] != pages_of[exits]
        early = np.full(len(exits), day < SHOP.calendar[EARLY_WEEKS * 7])
        again = visit(visits.sessions)[visits.sessions.number > 1]
        days.append((truth.on_day(population, day), has_left, visit(sessions) + 1, early, again))
    known, *columns = zip(*days, strict=True)
    has_left, next_visit, is_early, again = map(np.concatenate, columns)
    return Followed(Truth.concatenate(known), has_left, ~np.isin(next_visit, again), is_early)


@pytest.fixture(scope="module")
def known(followed: Followed) -> Truth:
    return followed.known


def visit(sessions: Sessions) -> Ints:
    """A number for each visit; that of the visitor's next one is one more."""
    return sessions.client * 1000 + sessions.number


def tenths(probability: Floats) -> Ints:
    """The class of each moment, of ten by probability in which about as much is expected."""
    order = np.argsort(probability)
    reached = np.cumsum(probability[order])
    tenth = np.empty(len(order), dtype=np.int64)
    tenth[order] = np.minimum(10 * reached / reached[-1], 9)
    return tenth


def p_value(cell: Ints, probability: Floats, came: Flags) -> float:
    """Of what came in each cell, by a chi-square test against its probabilities, to which nothing is fitted."""
    assert ((probability >= 0) & (probability <= 1)).all()
    expected, variance, found = (
        np.bincount(cell, weights) for weights in (probability, probability * (1 - probability), came)
    )
    assert expected.min() > 10
    return float(chi2.sf(((found - expected) ** 2 / variance).sum(), len(expected)))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("what", ["converts", "leaves", "is_lost"])
def test_what_comes_of_an_action_is_as_frequent_as_the_truth_says(followed: Followed, what: str, group: str) -> None:
    """In each tenth of what is expected, the moments ordered by their probability."""
    action, probability, came = followed.of(what)
    rows = np.isin(action, GROUPS[group])
    assert p_value(tenths(probability[rows]), probability[rows], came[rows]) > 0.0001


@pytest.mark.parametrize("what", ["converts", "leaves", "is_lost"])
def test_each_action_does_what_the_truth_says(followed: Followed, what: str) -> None:
    assert p_value(*followed.of(what)) > 0.0001


def test_actions_are_taken_as_often_as_their_propensity_says(known: Truth) -> None:
    shares = np.bincount(known.action, minlength=len(ACTIONS)) / len(known)
    stated = {action: known.propensity[known.action == action].mean() for action in set(known.action.tolist())}
    for action, propensity in stated.items():
        assert abs(shares[action] - propensity) < 4 * np.sqrt(propensity * (1 - propensity) / len(known))


def test_some_are_persuaded_some_would_anyway_and_some_are_put_off(known: Truth) -> None:
    uplift = known.uplift(POP_UP)
    assert (uplift > 0.005).any()
    assert (uplift < -0.005).any()
    assert (known.converts[:, NOTHING] > 0.02).any()
    assert (known.is_lost[:, POP_UP] > known.is_lost[:, NOTHING]).any()


def test_a_day_s_truth_does_not_depend_on_the_days_asked_for_before() -> None:
    shop = replace(SHOP, sessions_per_day=500, opens=None)
    day = shop.calendar[2]
    population = Population(shop)
    for earlier in shop.calendar[:2]:
        truth.on_day(population, earlier)
    assert truth.on_day(population, day).table().equals(truth.on_day(Population(shop), day).table())


def test_each_decision_of_the_export_has_its_truth(tmp_path: Path) -> None:
    shop = Shop(days=2, sessions_per_day=800)
    export.write(tmp_path / "export", shop)
    known = truth.write(tmp_path / "truth", shop)
    shown = set()
    for file in (tmp_path / "export").iterdir():
        for name, params in zip(
            *(pq.read_table(file)[column].to_pylist() for column in ("event_name", "event_params")), strict=True
        ):
            if name == "popup_view":
                shown.add(next(param["value"]["string_value"] for param in params if param["key"] == "decision_id"))
    written = [pq.read_table(file) for file in sorted((tmp_path / "truth").glob("moments_*.parquet"))]
    assert (
        shown
        == set(known.decision_id.to_pylist())
        == {name for day in written for name in day["decision_id"].to_pylist()}
    )


@pytest.mark.parametrize("name", ["home", "export"])
@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_no_setting_may_name_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    folder = tmp_path / "somewhere" / "truth"
    truth.write(folder, Shop(days=1, sessions_per_day=50))
    (folder / "inside").mkdir()
    monkeypatch.setenv(f"TACTFUL_{name.upper()}", str(folder / place))

    with pytest.raises(SettingsError, match="holds the truth of a simulated shop"):
        load(remembered=False)


def test_no_column_that_is_learnt_from_is_one_of_the_truth(manifest: Path, known: Truth) -> None:
    tables = contract.load(manifest)
    hidden = set(known.table().column_names) - {"decision_id", "user_pseudo_id", "propensity"}
    assert not hidden & {column.name for table in tables for column in table.columns}


def test_a_home_without_truth_is_a_home(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).home == tmp_path


def test_a_longer_world_s_moments_give_way(tmp_path: Path) -> None:
    for days in (3, 2):
        truth.write(tmp_path, Shop(days=days, sessions_per_day=50))
    assert sorted(file.name for file in tmp_path.glob("*.parquet")) == [
        "moments_20260105.parquet",
        "moments_20260106.parquet",
    ]


def test_a_file_in_a_folder_that_held_no_truth_stays(tmp_path: Path) -> None:
    (tmp_path / "moments_2019.parquet").write_text("another's")
    truth.write(tmp_path, Shop(days=1, sessions_per_day=50))
    assert (tmp_path / "moments_2019.parquet").exists()


def test_changes_are_written_with_their_days(tmp_path: Path) -> None:
    names = "drift_abrupt+drift_gradual+season_peak+relabelled_channel"
    truth.write(tmp_path, compose(names, Shop(days=12, sessions_per_day=50)))
    assert json.loads((tmp_path / "changes.json").read_text()) == [
        {"kind": "drift", "name": "abrupt", "begins": "2026-01-13", "ramp_days": 0},
        {"kind": "drift", "name": "gradual", "begins": "2026-01-11", "ramp_days": 21},
        {"kind": "season", "name": "peak", "begins": "2026-01-11", "ends": "2026-01-14"},
        {"kind": "relabelling", "name": "channel", "begins": "2026-01-11"},
    ]


def test_a_season_is_listed_each_time_that_it_comes() -> None:
    winter = Season("winter", (12, 30), (1, 6), Shift(intent=0.1))
    shop = Shop(days=365, changes=(winter,), time_zone="Asia/Tokyo")
    assert [(change["begins"], change["ends"]) for change in truth.changes(shop)] == [
        ("2026-01-05", "2026-01-06"),
        ("2026-12-30", "2027-01-04"),
    ]
    assert truth.changes(replace(shop, first_day=date(2026, 2, 1), days=300)) == []
