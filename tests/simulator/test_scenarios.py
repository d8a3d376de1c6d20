"""Each scenario changes what it says; all else stays equal in law, and first visits draw by draw."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ga4_export.landing import Landing
from simulator import export, truth
from simulator.actions import POP_UP
from simulator.changes import Drift, Season, Shift
from simulator.clock import DAY, midnights
from simulator.population import Population
from simulator.scenarios import SCENARIOS, compose
from simulator.shop import Shop

SMALL = Shop(days=9, sessions_per_day=4_000)


def rows_of(shop: Shop, day: date) -> pa.Table:
    return export.day_table(Population(shop), day)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_says_what_it_is_for(name: str) -> None:
    assert len(SCENARIOS[name].__doc__ or "") > 40


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_s_day_is_an_export(name: str, tmp_path: Path) -> None:
    """It takes the way of real rows: landed with every row accounted for."""
    shop = replace(compose(name, replace(SMALL, days=2)), days=1, sessions_per_day=200)
    (file,) = export.write(tmp_path / "export", shop)
    landed = Landing(tmp_path / "landed", ZoneInfo("UTC"), timedelta(hours=6)).land(
        shop.first_day, [file], datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert landed.rows_read == landed.rows_loaded + sum(f.rows_duplicate + f.rows_quarantined for f in landed.files)
    assert sum(landed.reasons.values()) == 0 or name == "bad_data"


def test_names_are_joined_from_left_to_right() -> None:
    shop = compose("large+drift_abrupt", Shop())
    (drift,) = shop.changes
    assert (shop.days, shop.sessions_per_day) == (180, 20_000)
    assert isinstance(drift, Drift)
    assert drift.begins == shop.first_day + timedelta(days=120)


def test_what_comes_first_is_not_changed_by_a_later_size() -> None:
    shop = compose("drift_abrupt + large", Shop())
    (drift,) = shop.changes
    assert isinstance(drift, Drift)
    assert (shop.days, (drift.begins - shop.first_day).days) == (180, 40)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("", "In the scenario '' a name is missing; there are default, tiny"),
        ("large+", r"In the scenario 'large\+' a name is missing"),
        ("tiny+ tiny", r"'tiny\+ tiny' names tiny twice"),
    ],
)
def test_names_that_are_missing_or_stand_twice_are_refused(names: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        compose(names, Shop())


@pytest.mark.parametrize(("names", "days", "begins"), [("large", 30, 20), ("cold_start", 60, 40)])
def test_a_size_that_is_stated_holds_for_the_dates_of_what_comes_next(names: str, days: int, begins: int) -> None:
    shop = compose(f"{names}+drift_abrupt", Shop(), days=days)
    (drift,) = shop.changes
    assert isinstance(drift, Drift)
    assert (shop.days, (drift.begins - shop.first_day).days) == (days, begins)


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'huge'; there are default, tiny"):
        compose("large+huge", Shop())


def test_an_abrupt_drift_lowers_what_the_pop_up_does_from_its_day_on() -> None:
    shop = compose("drift_abrupt", SMALL)
    known = truth.of(shop)
    (drift,) = shop.changes
    assert isinstance(drift, Drift)
    begins = midnights("UTC", drift.begins.toordinal(), 1)[0]
    before, after = (known.converts[rows, POP_UP].mean() for rows in (known.at_us < begins, known.at_us >= begins))
    assert after < 0.5 * before


def test_a_drift_changes_no_first_visit_of_the_days_before_it() -> None:
    steady = replace(SMALL, days=21)
    shop = compose("drift_abrupt", steady)
    drifting, plain = (Population(world).visits_on(shop.calendar[3]).sessions for world in (shop, steady))
    first, same = drifting.take(drifting.number == 1), plain.take(plain.number == 1)
    for name in ("client", "intent", "response", "action", "has_converted"):
        assert getattr(first, name).tolist() == getattr(same, name).tolist()


def test_a_gradual_drift_takes_its_days() -> None:
    drift = Drift("slow", date(2026, 1, 10), Shift(intent=1), ramp_days=10)
    instants = midnights("UTC", date(2026, 1, 10).toordinal(), 21)
    assert drift.level(instants - DAY)[0] == 0
    assert drift.level(instants)[[0, 5, 10, 20]].tolist() == [0, 0.5, 1, 1]


def test_a_season_comes_back_every_year_and_goes() -> None:
    season = Season("peak", (12, 20), (1, 5), Shift(crowd=1))
    days = [date(2025, 12, 19), date(2025, 12, 20), date(2026, 1, 5), date(2026, 1, 6), date(2026, 12, 31)]
    instants = np.array([midnights("UTC", day.toordinal(), 1)[0] for day in days])
    assert season.level(instants).tolist() == [0, 1, 1, 0, 1]


def test_a_peak_brings_more_visitors() -> None:
    shop = compose("season_peak", replace(SMALL, days=14))
    (season,) = shop.changes
    day = shop.calendar[9]
    assert season.level(midnights("UTC", day.toordinal(), 1))[0] == 1
    assert len(rows_of(shop, day)) > 1.3 * len(rows_of(replace(shop, changes=()), day))


def test_a_relabelled_channel_changes_its_name_and_nothing_else() -> None:
    shop = compose("relabelled_channel", SMALL)
    first, last = shop.calendar[0], shop.calendar[-1]
    assert rows_of(shop, first).equals(rows_of(SMALL, first))
    renamed, plain = rows_of(shop, last), rows_of(SMALL, last)
    for name in ("event_timestamp", "event_name", "user_pseudo_id", "items"):
        assert renamed[name].equals(plain[name])
    medium = pc.struct_field(renamed["session_traffic_source_last_click"], ["manual_campaign", "medium"])
    assert Counter(medium.to_pylist())["search"] > 0.2 * len(renamed)


def test_bad_data_is_late_doubled_malformed_and_botted() -> None:
    shop = compose("bad_data", replace(SMALL, days=4))
    day = shop.first_day
    population = Population(shop)
    rows = [len(export.day_table(population, day, until=day + timedelta(days=late))) for late in range(4)]
    assert rows == sorted(rows)
    assert rows[0] < 0.99 * rows[3]
    assert rows[3] == len(export.day_table(population, day))
    whole = export.day_table(population, day)
    assert pc.sum(pc.equal(whole["event_name"], "")).as_py() > 0
    most = max(Counter(user for user in whole["user_pseudo_id"].to_pylist() if user).values())
    assert most > 1_000
    assert whole["user_pseudo_id"].null_count > 0.03 * len(whole)


def test_a_shop_that_opens_knows_nobody() -> None:
    shop = compose("cold_start", SMALL)
    numbers = Population(shop).visits_on(shop.first_day).sessions.number
    assert (numbers == 1).mean() > 0.9
    assert (numbers == 1).mean() > (Population(SMALL).visits_on(shop.first_day).sessions.number == 1).mean() + 0.1


def test_the_tiny_shop_is_the_case_study_s() -> None:
    known = truth.of(compose("tiny", Shop()))
    assert (len(known), known.has_converted.sum()) == (5_504, 83)


def test_days_come_out_the_same_in_any_order_and_alone(tmp_path: Path) -> None:
    shop = compose("drift_abrupt+bad_data", replace(SMALL, days=5, sessions_per_day=300))
    together = export.write(tmp_path / "together", shop)
    for file, day in reversed(list(zip(together, shop.calendar, strict=True))):
        assert pq.read_table(file).equals(rows_of(shop, day))
