"""An erasure that could not end whole is refused before anything is removed."""

import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ga4_export.listing import ExportError
from ga4_export.schema import EVENTS
from tactful import home
from tactful.erase import erase
from tactful.home import HomeError
from tactful.landing import landing_of
from tactful.settings import Settings
from tactful.source import source_of
from tests.ga4_export.conftest import DAY, NOW, event
from tests.ga4_export.matrix import landed_rows

KEYED = {"pseudonym_key": "0123456789abcdef" * 2}


def _home(folder: Path, **stated: str) -> Settings:
    """A home with a landed event of user 1.1."""
    settings = Settings.model_validate({"home": folder / "home", **stated})
    home.prepare(settings)
    home.adopt(settings, source_of(settings))
    file = folder / "events_20260105.parquet"
    pq.write_table(pa.Table.from_pylist([event()], schema=EVENTS), file)
    landing_of(settings).land(DAY, [file], NOW)
    return settings


def test_without_the_key_of_the_landed_days_nobody_is_erased(tmp_path: Path) -> None:
    keyed = _home(tmp_path, **KEYED)

    with pytest.raises(ExportError, match="landed with another pseudonym key") as refused:
        erase(Settings(home=keyed.home), "1.1", Console(file=StringIO()))

    assert len(str(refused.value).splitlines()) == 1
    assert not landing_of(keyed).erased_file.exists()
    assert list((keyed.home / "erasures").glob("*")) == []


def test_a_day_that_was_landed_before_there_was_a_key_is_erased_from(tmp_path: Path) -> None:
    plain = _home(tmp_path)

    receipt = erase(Settings.model_validate({"home": plain.home, **KEYED}), "1.1", Console(file=StringIO()))

    assert receipt.rows["landed"] == 1


@pytest.mark.parametrize("name", ["decisions/decisions.sqlite", "feature_store/online_store.db"])
def test_a_database_that_is_locked_is_told_in_one_line_and_nothing_is_removed(tmp_path: Path, name: str) -> None:
    settings = _home(tmp_path)
    file = settings.home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as other:
        other.execute("begin immediate")
        with pytest.raises(HomeError, match="is in use by another process") as refused:
            erase(settings, "1.1", Console(file=StringIO()))

    assert str(file) in str(refused.value)
    assert len(landed_rows(landing_of(settings))) == 1
    assert not landing_of(settings).erased_file.exists()
