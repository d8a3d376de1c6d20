from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ga4_export.schema import EVENTS
from simulator import export
from simulator.shop import Shop
from tactful.settings import Settings
from tactful.source import Source, source_of


@pytest.fixture
def simulated(tmp_path: Path) -> Path:
    export.write(tmp_path / "simulated", Shop(days=2, sessions_per_day=1))
    return tmp_path / "simulated"


def _source(folder: Path) -> Source:
    return source_of(Settings(home=folder / "home", export=folder))


def test_the_platforms_own_export_is_simulated(tmp_path: Path) -> None:
    source = source_of(Settings(home=tmp_path))

    assert (source.kind, source.is_simulated) == ("own", True)


def test_a_folder_of_simulated_files_is_simulated_and_not_the_platforms_own(simulated: Path) -> None:
    source = _source(simulated)

    assert (source.kind, source.is_simulated) == ("files", True)


def test_a_file_that_can_not_be_read_hides_no_simulation(simulated: Path) -> None:
    min(simulated.iterdir()).write_bytes(b"")

    assert _source(simulated).is_simulated


def test_an_ordinary_export_is_not_simulated(tmp_path: Path) -> None:
    pq.write_table(EVENTS.empty_table(), tmp_path / "events_20260105.parquet")

    assert not _source(tmp_path).is_simulated


def test_an_export_of_which_nothing_can_be_read_is_not_called_simulated(tmp_path: Path) -> None:
    (tmp_path / "events_20260105.parquet").touch()

    assert not _source(tmp_path).is_simulated
