"""Mistakes that users make: one clear line, a non-zero exit, and nothing lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.export import write
from simulator.shop import Shop
from tests.conftest import tactful

FIRST, SECOND, THIRD = (f"events_2026010{day}.parquet" for day in (5, 6, 7))


@pytest.fixture(scope="module")
def good_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write(folder, Shop(days=3, sessions_per_day=60))
    return folder


@pytest.fixture
def export(good_export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good_export, tmp_path / "export"))


def _refused(export: Path, home: Path, **variables: str) -> str:
    """What was printed of a run that must be refused."""
    outcome = tactful("run", "--export", str(export), home=home, **variables)
    told = outcome.stderr.strip()
    assert outcome.returncode != 0
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert len(told.splitlines()) == 1, told
    return told


def _drop(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([column])


def _without_rows(table: pa.Table) -> pa.Table:
    return table.slice(0, 0)


def _rewrite(file: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(file)), file)


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "nowhere is missing: name a folder" in _refused(tmp_path / "nowhere", tmp_path / "home")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "holds no day" in _refused(tmp_path / "empty", tmp_path / "home")


def test_a_file_that_is_no_parquet(export: Path, tmp_path: Path) -> None:
    (export / SECOND).write_text("<html>")

    assert f"{SECOND} is not a Parquet file" in _refused(export, tmp_path / "home")


def test_a_missing_day(export: Path, tmp_path: Path) -> None:
    (export / SECOND).unlink()

    told = _refused(export, tmp_path / "home")

    assert "Day 2026-01-06 is missing" in told
    assert told.endswith(f"`tactful run --export {export} --without-broken-days` builds the others.")


def test_a_day_without_rows(export: Path, tmp_path: Path) -> None:
    _rewrite(export / SECOND, _without_rows)

    told = _refused(export, tmp_path / "home")

    assert "Day 2026-01-06 has 0 rows; " in told
    assert told.endswith(f"`tactful run --export {export} --without-broken-days` builds the others.")


def test_a_missing_column(export: Path, tmp_path: Path) -> None:
    _rewrite(export / FIRST, _drop("event_timestamp"))

    assert f"{FIRST} lacks the columns event_timestamp" in _refused(export, tmp_path / "home")


def test_an_unknown_setting(export: Path, tmp_path: Path) -> None:
    told = _refused(export, tmp_path / "home", TACTFUL_CONVERSON_EVENT="purchase")

    assert "did you mean TACTFUL_CONVERSION_EVENT?" in told


def test_a_home_that_can_not_be_written(export: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "can't be written" in _refused(export, tmp_path / "file" / "home")


def test_an_export_of_a_wrong_type(export: Path, tmp_path: Path) -> None:
    for other in (SECOND, THIRD):
        (export / other).unlink()
    place = pq.read_schema(export / FIRST).get_field_index("event_timestamp")
    _rewrite(
        export / FIRST,
        lambda table: table.set_column(place, "event_timestamp", table["event_timestamp"].cast(pa.string())),
    )

    told = _refused(export, tmp_path / "home")

    assert f"{FIRST}: column event_timestamp has type string; the GA4 export has int64" in told


def test_a_conversion_event_that_never_occurs(export: Path, tmp_path: Path) -> None:
    told = _refused(export, tmp_path / "home", TACTFUL_CONVERSION_EVENT="goal6completions")

    assert "TACTFUL_CONVERSION_EVENT is 'goal6completions', which never occurs; the shop sends" in told


def _of_few_visitors(export: Path) -> str:
    """An event that happens on the first two days, and to fewer visitors than models have folds."""
    with duckdb.connect() as connection:
        ((name,),) = connection.execute(
            """
            select event_name from read_parquet($files)
            where not starts_with(event_name, 'popup_')
            group by event_name having count(distinct user_pseudo_id) between 1 and 3
            order by event_name limit 1
            """,
            {"files": [str(export / FIRST), str(export / SECOND)]},
        ).fetchall()
    return str(name)


@pytest.mark.parametrize(
    ("damage", "left_out"),
    [
        (lambda file: file.write_text("<html>"), f"{THIRD} is not a Parquet file"),
        (lambda file: _rewrite(file, _without_rows), "Day 2026-01-07 has 0 rows;"),
    ],
)
def test_without_its_newest_day_the_others_are_built_and_too_few_conversions_told(
    export: Path, tmp_path: Path, damage: Callable[[Path], None], left_out: str
) -> None:
    damage(export / THIRD)

    outcome = tactful(
        *("run", "--export", str(export), "--without-broken-days"),
        home=tmp_path / "home",
        TACTFUL_CONVERSION_EVENT=_of_few_visitors(export),
    )

    assert outcome.returncode == 4, outcome.stderr
    assert left_out in outcome.stdout.replace("\n", " ")
    assert "Not trained: popup_behaviour has" in outcome.stdout
    assert "are needed" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr


def test_nothing_to_look_at_yet(tmp_path: Path) -> None:
    outcome = tactful("ui", home=tmp_path / "home")

    assert outcome.returncode != 0
    assert "`make run` comes first" in outcome.stderr
