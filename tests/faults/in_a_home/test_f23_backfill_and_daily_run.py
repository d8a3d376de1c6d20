"""The daily run fires while a backfill goes on: it waits for its turn and has it, and both end as they would alone."""

from tactful.settings import Settings
from tests.faults.contents import contents
from tests.faults.killing import Jobs, OnRecord

MODELS, OFFLINE = ("stg_ga4__events", "int_user_days", "fct_user_features"), "feature_store/user_features"


def test_f23_a_daily_run_that_fires_during_a_backfill_has_its_turn_and_both_end_well(
    lived_in: Settings, jobs: Jobs
) -> None:
    warehouse = lived_in.home / "warehouse.duckdb"
    before = contents(warehouse)

    backfill = jobs.build(*MODELS, days=14)
    backfill.until("warehouse")
    daily = jobs.build(*MODELS, OFFLINE, days=4)

    assert (backfill.failures(), daily.failures()) == ([], [])
    first, second = OnRecord.of(lived_in, backfill), OnRecord.of(lived_in, daily)
    assert first.built.keys() == {*MODELS}
    assert second.built.keys() == {*MODELS, OFFLINE}
    assert max(first.built.values()) < min(second.built.values())
    assert contents(warehouse) == before
