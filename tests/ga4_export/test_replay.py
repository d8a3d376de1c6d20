"""Rows that are landed after all: told from those that are there, also where a process ended halfway."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ga4_export import erasure, quarantine, replay
from ga4_export.days import land_days
from ga4_export.landing import Landing
from ga4_export.listing import ExportError
from ga4_export.privacy import Privacy
from ga4_export.quarantine import Record
from tests.ga4_export.conftest import DAY, NOW, event
from tests.ga4_export.matrix import Row, good, landed_rows, param

Write = Callable[..., Path]
PAGE = [param("page_location", string_value="https://shop.pl/a?email=a@b.pl")]
LATER = NOW + timedelta(days=9)


def _counts(landing: Landing) -> tuple[int, int, int, int]:
    """Rows loaded, duplicate, quarantined and suppressed."""
    landed = landing.landed(DAY)
    assert landed is not None
    (file,) = landed.files
    assert file.is_conserved
    return file.rows_loaded, file.rows_duplicate, file.rows_quarantined, file.rows_suppressed


def _first(landing: Landing) -> Record:
    return replay.records(landing)[0]


def _mended(record: Record) -> Row:
    return {**json.loads(record.raw), "event_date": "20260105", "event_name": "page_view"}


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("key", [None, "k" * 32])
def test_a_mended_row_that_privacy_changed_is_known_as_the_event_that_is_there(
    landing: Landing, write: Write, key: str | None
) -> None:
    keyed = replace(landing, privacy=Privacy(pseudonym_key=key))
    keyed.land(DAY, [write(*good(1_000), event(event_params=PAGE), event(event_params=PAGE, event_date="x"))], NOW)

    done = replay.replay(keyed, _first(keyed), _mended(_first(keyed)), NOW)

    assert done.outcome == "duplicate"
    assert _counts(keyed) == (1_001, 1, 0, 0)


@pytest.mark.parametrize("place", [(replay, "recount"), (quarantine, "rewrite")])
@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ({"event_name": "new"}, (3, 0, 0, 0)),
        ({"event_name": "page_view"}, (2, 1, 0, 0)),
        ({"user_pseudo_id": "6.6"}, (2, 0, 0, 1)),
    ],
)
def test_a_replay_that_was_interrupted_is_ended_by_the_next(
    landing: Landing, write: Write, place: tuple[ModuleType, str], told: Row, counts: tuple[int, int, int, int]
) -> None:
    landing.land(DAY, [write(event(), event(event_name="scroll"), event(event_name=None))], NOW)
    erasure.suppress(landing, ["6.6"])
    mended = {**_mended(_first(landing)), **told}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(*place, _killed)
        with pytest.raises(KeyboardInterrupt):
            replay.replay(landing, _first(landing), mended, NOW)

    replay.replay(landing, _first(landing), mended, NOW)

    assert _counts(landing) == counts
    assert len(landed_rows(landing)) == counts[0]
    assert [record.status for record in replay.records(landing)] == ([] if counts[3] else ["replayed"])


def test_a_replayed_row_outlives_a_landing_that_ended_before_it_was_landed_again(
    landing: Landing, write: Write
) -> None:
    file = write(event(), event(event_name=None))
    landing.land(DAY, [file], NOW)
    replay.replay(landing, _first(landing), {**_mended(_first(landing)), "event_name": "new"}, NOW)
    for other in ("scroll", "click"):
        # ends before the row is landed again, twice
        landing.land(DAY, [write(event(), event(event_name=other), event(event_name=None))], LATER)

    land_days(landing, {DAY: [file]}, [DAY], LATER)

    (known_at,) = [row["known_at"] for row in landed_rows(landing) if row["event_name"] == "new"]
    assert known_at == NOW
    assert _counts(landing) == (3, 0, 0, 0)


def test_a_replayed_row_is_known_since_its_first_replay(landing: Landing, write: Write) -> None:
    landing.land(DAY, [write(event(), event(event_name=None))], NOW)
    replay.replay(landing, _first(landing), {**_mended(_first(landing)), "event_name": "new"}, NOW)

    for days, name in enumerate(("scroll", "click")):
        file = write(event(event_name=name), event(event_name=None))
        land_days(landing, {DAY: [file]}, [DAY], LATER + timedelta(days=days))

    assert [row["known_at"] for row in landed_rows(landing) if row["event_name"] == "new"] == [NOW]


def test_a_row_is_not_replayed_under_another_key_than_its_day_s(landing: Landing, write: Write) -> None:
    keyed = replace(landing, privacy=Privacy(pseudonym_key="k" * 32))
    keyed.land(DAY, [write(event(), event(event_name=None))], NOW)

    with pytest.raises(ExportError, match="landed with another pseudonym key"):
        replay.replay(landing, _first(landing), _mended(_first(landing)), NOW)

    assert _counts(keyed) == (1, 0, 1, 0)


def test_a_quote_in_a_path_is_part_of_the_path(tmp_path: Path, write: Write) -> None:
    landing = Landing(tmp_path / "o'brien" / "landed", ZoneInfo("UTC"), timedelta(0))
    file = write(event(), event(event_name=None), event(user_pseudo_id="6.6"), name="events_o'brien_20260105.parquet")
    for at, name in ((NOW, "scroll"), (LATER, "click")):
        write(event(event_name=name), event(event_name=None), event(user_pseudo_id="6.6"), name=file.name)
        landing.land(DAY, [file], at)

    replay.replay(landing, _first(landing), _mended(_first(landing)), NOW)
    erasure.remove(landing, ["6.6"])

    assert _counts(landing) == (2, 0, 0, 1)
    assert {row["source_file"] for row in landed_rows(landing)} == {file.name}


def test_the_key_of_the_erased_is_never_readable_by_others(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    rename = Path.replace

    def looked_at(partial: Path, target: Path) -> Path:
        modes.append(partial.stat().st_mode & 0o777)
        return rename(partial, target)

    monkeypatch.setattr(Path, "replace", looked_at)
    erasure.suppress(landing, ["6.6"])

    assert modes == [0o600]
    assert landing.erased_file.stat().st_mode & 0o777 == 0o600
