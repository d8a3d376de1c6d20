"""The command that makes up shops: whose shop it is, what of it is delivered, and where its truth may lie."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ga4_export.schema import EVENTS
from simulator.shop import Shop
from tactful.live import freshness, refuse_live
from tactful.settings import REMEMBERED, Settings, SettingsError
from tactful.simulate import refuse_truth_near, shop_of, simulate
from tests.conftest import PROJECT, tactful

SMALL = ("--days", "3", "--sessions", "100")


def _rows(folder: Path) -> dict[str, int]:
    return {file.name: pq.read_metadata(file).num_rows for file in sorted(folder.iterdir())}


def test_a_shop_is_the_one_of_the_settings() -> None:
    settings = Settings(
        simulation_seed=8,
        simulation_first_day=date(2026, 3, 2),
        simulation_days=21,
        simulation_sessions=250,
        time_zone="Asia/Tokyo",
    )
    shop = Shop(seed=8, first_day=date(2026, 3, 2), days=21, sessions_per_day=250, time_zone="Asia/Tokyo")

    assert shop_of(settings, "default", seed=None, days=None) == shop


def test_what_is_stated_has_the_last_word() -> None:
    shop = shop_of(Settings(simulation_seed=8), "tiny", seed=0, days=5)

    assert (shop.seed, shop.days) == (0, 5)


def test_the_command_follows_what_the_home_remembers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / REMEMBERED).write_text("TACTFUL_SIMULATION_FIRST_DAY=2026-03-02\nTACTFUL_TIME_ZONE=Asia/Tokyo\n")

    told = tactful("simulate", str(tmp_path / "export"), *SMALL, home=home, TACTFUL_SIMULATION_FIRST_DAY="2026-03-03")

    assert told.returncode == 0, told.stderr
    assert min(_rows(tmp_path / "export")) == "events_20260303.parquet"
    first = pq.read_table(tmp_path / "export" / "events_20260303.parquet")["event_timestamp"].to_numpy().min()
    assert datetime.fromtimestamp(first / 1e6, UTC).date() == date(2026, 3, 2)


@pytest.mark.parametrize("first", [date(1, 1, 1), date(9999, 12, 30)])
def test_a_first_day_beyond_all_calendars_is_refused(first: date) -> None:
    with pytest.raises(SettingsError, match=f"--first-day is {first}: a day from 2000-01-01 to 2099-12-31 is needed"):
        shop_of(Settings(), "drift_abrupt", first_day=first, days=10)


def test_what_no_shop_can_be_as_large_as_is_refused_without_a_trace(tmp_path: Path) -> None:
    for option in ("--sessions", "--days"):
        told = tactful("simulate", str(tmp_path / "export"), option, "100000000000", home=tmp_path)

        assert told.returncode == 2
        assert option in told.stderr
        assert "Traceback" not in told.stderr


@pytest.mark.parametrize("name", ["events_20260105.parquet", "events_20260301.parquet", "events_20260105", "notes.md"])
def test_a_folder_of_what_no_simulator_has_written_is_refused_untouched(tmp_path: Path, name: str) -> None:
    simulate(tmp_path, Shop(days=1, sessions_per_day=1), None, Console(file=StringIO()))
    if name.endswith(".parquet"):
        pq.write_table(EVENTS.empty_table(), tmp_path / name)
    elif name.endswith(".md"):
        (tmp_path / name).write_text("Ours.")
    else:
        (tmp_path / name).mkdir()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}

    with pytest.raises(SettingsError, match=f"holds {name}, which no simulator has written: name a folder that is new"):
        simulate(tmp_path, Shop(days=2, sessions_per_day=1), None, Console(file=StringIO()))

    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_what_an_interrupted_simulator_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "events_20260105.tmp").write_bytes(b"PAR1")

    simulate(tmp_path, Shop(days=1, sessions_per_day=1), None, Console(file=StringIO()))

    assert [file.name for file in tmp_path.iterdir()] == ["events_20260105.parquet"]


def test_days_of_an_earlier_world_are_told_and_left(tmp_path: Path) -> None:
    console = Console(file=StringIO(), record=True, width=300)
    for days in (3, 1):
        simulate(tmp_path, Shop(days=days, sessions_per_day=20), None, console)

    longer, shorter, others = console.export_text().split("holds ")[1:]
    assert longer.startswith("3 days of a made-up shop; it says nothing about real visitors.")
    assert shorter.startswith("1 day of a made-up shop;")
    assert others.startswith("2 other days, of another world perhaps")
    assert len(_rows(tmp_path)) == 3


@pytest.mark.parametrize(("day", "is_refused"), [(4, True), (5, False), (7, False), (8, False), (9, True)])
def test_a_day_is_lived_that_is_the_shop_s_or_the_one_after(tmp_path: Path, day: int, is_refused: bool) -> None:
    settings, shop, lived = Settings(home=tmp_path), Shop(days=3), date(2026, 1, day)

    if not is_refused:
        refuse_live(settings, shop, lived)
        return
    told = f"--live is {lived}: the shop's days are 2026-01-05 to 2026-01-07, and the day after, 2026-01-08, "
    with pytest.raises(SettingsError, match=told):
        refuse_live(settings, shop, lived)


def test_made_up_visitors_come_to_no_home_of_real_ones(tmp_path: Path, gcp: Settings) -> None:
    pq.write_table(EVENTS.empty_table(), tmp_path / "events_20260105.parquet")

    for settings in (Settings(home=tmp_path / "home", export=tmp_path), gcp):
        with pytest.raises(SettingsError, match="is built on a real export"):
            refuse_live(settings, Shop(), Shop().first_day)


def test_an_answer_is_fresh_if_each_of_its_views_is() -> None:
    statuses = [{"user": "fresh"}, {"user": "fresh", "other": "stale"}, {"user": "unknown_user"}, {}]

    assert freshness(statuses).startswith("1 of 3 answers had fresh features")
    assert "the model reads none" in freshness([{}, {}])


@pytest.mark.parametrize(
    ("argument", "told"), [((), "Name one folder"), (("none",), "none holds no day"), ((".",), "can't be read")]
)
def test_a_calibration_of_what_is_no_export_is_refused_in_one_line(
    tmp_path: Path, argument: tuple[str, ...], told: str
) -> None:
    (tmp_path / "events_20260105.parquet").write_text("damaged")

    refused = subprocess.run(
        [sys.executable, "-m", "simulator.calibration", *(str(tmp_path / name) for name in argument)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert told in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_until_a_day_what_is_late_is_not_there_yet(tmp_path: Path) -> None:
    bad_data = (*SMALL, "--scenario", "bad_data")
    for name, until in (("whole", ()), ("delivered", ("--until", "2026-01-06"))):
        told = tactful("simulate", str(tmp_path / name), *bad_data, *until, home=tmp_path / "home")
        assert told.returncode == 0, told.stderr

    whole, delivered = _rows(tmp_path / "whole"), _rows(tmp_path / "delivered")
    assert "2 days of a made-up shop" in told.stdout
    assert list(delivered) == list(whole)[:2]
    assert all(delivered[day] < whole[day] for day in delivered)


def test_before_a_shop_s_first_day_there_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--until is 2026-01-04: a day from the shop's first, 2026-01-05"):
        simulate(tmp_path, Shop(), date(2026, 1, 4), Console())


def test_the_report_tells_of_the_settings_shop_and_when_it_changes(tmp_path: Path) -> None:
    told = tactful(
        *("simulate", "--truth-report", "--scenario", "drift_gradual+season_peak+relabelled_channel"),
        home=tmp_path,
        TACTFUL_SIMULATION_SEED="8",
        TACTFUL_SIMULATION_DAYS="14",
        TACTFUL_SIMULATION_SESSIONS="300",
    )

    assert told.returncode == 0, told.stderr
    figures = json.loads((tmp_path / "bench" / "truth.json").read_text())
    assert (figures["seed"], figures["days"], figures["sessions_per_day"]) == (8, 14, 300)
    assert "nan" not in told.stdout
    assert "persuaded: uplift above 0.2 points" in told.stdout
    for line in ("pop-up alone", "from 2026-01-12, over 21 days", "from 2026-01-12 to 2026-01-15", "from 2026-01-12 "):
        assert line in told.stdout


@pytest.mark.parametrize(
    ("truth", "name"),
    [
        ("home", "TACTFUL_HOME"),
        ("home/bench/truth", "TACTFUL_HOME"),
        (".", "TACTFUL_HOME"),
        ("exports/shop/truth", "TACTFUL_EXPORT"),
        ("exports", "TACTFUL_EXPORT"),
        ("export/truth", "the export"),
        ("link/truth", "TACTFUL_HOME"),
    ],
)
def test_truth_lies_apart_from_home_and_export(tmp_path: Path, truth: str, name: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    settings = Settings(home=tmp_path / "home", export=tmp_path / "exports" / "shop")

    with pytest.raises(SettingsError, match=f"neither in nor around {name}, "):
        refuse_truth_near(tmp_path / truth, settings, tmp_path / "export")


def test_of_a_world_without_moments_the_report_says_so(tmp_path: Path) -> None:
    told = tactful("simulate", "--truth-report", "--days", "1", "--sessions", "3", home=tmp_path)

    assert told.returncode == 0, told.stderr
    assert "too few moments" in told.stdout
    assert "nan" not in told.stdout


def test_truth_may_lie_beside_them(tmp_path: Path) -> None:
    refuse_truth_near(tmp_path / "truth", Settings(home=tmp_path / "home"), tmp_path / "truthful")


def test_nothing_is_written_where_the_truth_is_refused(tmp_path: Path) -> None:
    export = tmp_path / "export"

    told = tactful("simulate", str(export), *SMALL, "--truth", str(export / "truth"), home=tmp_path / "home")

    assert told.returncode == 2
    assert len(told.stderr.strip().splitlines()) == 1
    assert not export.exists()


@pytest.mark.parametrize("argument", [(), ("--truth",)])
def test_a_folder_that_cannot_be_written_is_named_in_one_line(tmp_path: Path, argument: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"

    told = tactful("simulate", *argument, str(folder), *SMALL, home=tmp_path / "home")

    assert told.returncode == 2
    assert f"{folder} can't be written (Not a directory): name a folder that can." in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
