import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ga4_export.days import land_days
from ga4_export.landing import Landing
from ga4_export.listing import ExportError, list_days
from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import DAY, NOON, NOW, event

Write = Callable[..., Path]


def test_a_day_is_landed_in_the_export_schema_with_the_time_it_was_known(landing: Landing, write: Write) -> None:
    landing.land(DAY, [write(event())], NOW)

    landed = pq.read_table(landing.events(DAY))

    assert landed.schema.names == [*EVENTS.names, "event_key", "source_file", "known_at"]
    # Warsaw's 5 January ends at 23:00 UTC, and GA4 delivers it six hours later.
    assert landed["known_at"].to_pylist()[0].isoformat() == "2026-01-06T05:00:00+00:00"


def test_the_same_bytes_are_landed_once(landing: Landing, write: Write) -> None:
    file = write(event())

    first, second = (landing.land(DAY, [file], NOW) for _ in range(2))

    assert (first.is_new, second.is_new) == (True, False)
    assert first.files == second.files


def test_a_changed_day_replaces_the_one_before_and_only_what_is_new_is_known_from_now_on(
    landing: Landing, write: Write
) -> None:
    first = landing.land(DAY, [write(event())], NOW)
    landing.land(DAY, [write(event(event_name="scroll"), event())], NOW)

    landed = pq.read_table(landing.events(DAY))

    known_at = {row["event_name"]: row["known_at"].isoformat() for row in landed.to_pylist()}
    assert known_at == {"scroll": NOW.isoformat(), "page_view": first.known_at}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"event_date": "20260104"}, "E_DATE_MISMATCH"),
        ({"event_date": None}, "E_DATE_MISMATCH"),
        ({"event_timestamp": NOON // 1_000}, "E_TS_UNIT"),
        ({"event_timestamp": NOON // 1_000_000}, "E_TS_UNIT"),
        ({"event_timestamp": -1}, "E_TS_RANGE"),
        ({"event_timestamp": None}, "E_TS_RANGE"),
        ({"user_pseudo_id": ""}, "E_ID_INVALID"),
        ({"user_pseudo_id": "  "}, "E_ID_INVALID"),
        ({"user_pseudo_id": "x" * 129}, "E_ID_INVALID"),
        ({"user_pseudo_id": "a\0b"}, "E_ID_INVALID"),
        ({"event_name": None}, "E_NAME_INVALID"),
        ({"event_name": "x" * 41}, "E_NAME_INVALID"),
    ],
)
def test_a_row_that_is_no_event_is_kept_in_quarantine(
    landing: Landing, write: Write, broken: dict[str, object], reason: str
) -> None:
    good = [event(event_timestamp=NOON + number) for number in range(2000)]

    landed = landing.land(DAY, [write(*good, event(**broken))], NOW)

    (record,) = pq.read_table(landing.quarantine(DAY)).to_pylist()
    assert (landed.rows_read, landed.rows_loaded, landed.rows_quarantined) == (2001, 2000, 1)
    assert (record["reason_code"], record["row_no"]) == (reason, 2000)
    (name,) = broken
    assert json.loads(record["raw"])[name] == broken[name]


def test_an_event_without_a_user_is_landed(landing: Landing, write: Write) -> None:
    assert landing.land(DAY, [write(event(user_pseudo_id=None))], NOW).rows_loaded == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(names=st.lists(st.sampled_from(["page_view", "", None, "x" * 41]), min_size=1, max_size=30))
def test_every_row_is_loaded_a_duplicate_or_quarantined(
    landing: Landing, write: Write, names: list[str | None]
) -> None:
    landed = landing.land(DAY, [write(*(event(event_name=name) for name in names))], NOW)

    (file,) = landed.files
    written = [pq.read_metadata(file).num_rows for file in (landing.events(DAY), landing.quarantine(DAY))]
    assert [file.rows_loaded, file.rows_quarantined] == written
    assert file.rows_duplicate == names.count("page_view") - file.rows_loaded
    assert sum(written) + file.rows_duplicate == file.rows_read == len(names)


def test_the_file_of_another_day_is_refused_and_lands_nothing(landing: Landing, write: Write) -> None:
    file = write(event(event_date="20260104"))

    with pytest.raises(ExportError, match="1 of 1 rows are of another day than 2026-01-05"):
        landing.land(DAY, [file], NOW)

    assert not landing.events(DAY).exists()
    assert landing.landed(DAY) is None


def test_a_file_that_is_no_parquet_is_refused_by_name(landing: Landing, tmp_path: Path) -> None:
    page = tmp_path / "events_20260105.parquet"
    page.write_text("<html>Not found</html>")

    with pytest.raises(ExportError, match=r"events_20260105\.parquet is not a Parquet file"):
        landing.land(DAY, [page], NOW)


def test_a_truncated_file_is_refused(landing: Landing, write: Write) -> None:
    file = write(event())
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(ExportError, match="is not a Parquet file"):
        landing.land(DAY, [file], NOW)


def test_a_missing_column_is_named(landing: Landing, write: Write) -> None:
    file = write({"event_date": "20260105"}, schema=pa.schema([("event_date", pa.string())]))

    with pytest.raises(ExportError, match="lacks the columns event_timestamp, event_name, event_params, user"):
        landing.land(DAY, [file], NOW)


def test_a_wrong_type_is_named_with_the_right_one(landing: Landing, write: Write) -> None:
    schema = EVENTS.set(EVENTS.get_field_index("event_timestamp"), pa.field("event_timestamp", pa.string()))

    with pytest.raises(ExportError, match="column event_timestamp has type string; the GA4 export has int64"):
        landing.land(DAY, [write(event(event_timestamp="noon"), schema=schema)], NOW)


def test_columns_that_google_adds_are_left_out_and_told(landing: Landing, write: Write) -> None:
    schema = EVENTS.append(pa.field("brand_new", pa.string()))

    assert landing.land(DAY, [write(event(brand_new="x"), schema=schema)], NOW).columns_unknown == ("brand_new",)


def test_a_bad_day_keeps_no_other_day_out(landing: Landing, write: Write) -> None:
    good = write(event())
    bad = good.with_name("events_20260107.parquet")
    bad.write_bytes(b"")

    outcome = land_days(landing, list_days(good.parent), [DAY + timedelta(days=n) for n in range(3)], NOW)

    assert [day.day for day in outcome.days] == ["2026-01-05"]
    assert "Day 2026-01-06 is missing" in outcome.refused[0].detail
    assert "events_20260107.parquet is not a Parquet file" in outcome.refused[1].detail


def test_files_in_a_folder_of_a_day_are_one_day(landing: Landing, write: Write) -> None:
    first = write(event())
    folder = first.parent / "events_20260105"
    folder.mkdir()
    shutil.copy(write(event(event_name="scroll"), name="other.parquet"), folder / "000.parquet")
    shutil.move(first, folder / "001.parquet")

    landed = landing.land(DAY, list_days(folder.parent)[DAY], NOW)

    assert [file.name for file in landed.files] == ["events_20260105/000.parquet", "events_20260105/001.parquet"]

    assert (landed.rows_read, len(landed.files)) == (2, 2)


def test_every_real_row_of_the_public_sample_is_landed(landing: Landing, ga4_sample: Path) -> None:
    exported = list_days(ga4_sample)

    outcome = land_days(landing, exported, exported, NOW)

    assert outcome.refused == ()
    assert outcome.counts["rows_read"] == outcome.counts["rows_loaded"] == 24_219
    assert len(outcome.days) == 92
