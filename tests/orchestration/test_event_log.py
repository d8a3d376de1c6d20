from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

OURS = ("orchestration.event_log", "KeptSqliteEventLogStorage")
DAGSTERS = ("dagster._core.storage.event_log", "SqliteEventLogStorage")

Told = tuple[str | None, str | None]
"""The type of an event and the step it is of."""


@dg.asset
def orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    context.log.info("three rows")
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=orders)
def orders_are_three() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"rows": 3})


@contextmanager
def _instance(folder: Path, storage: tuple[str, str]) -> Iterator[dg.DagsterInstance]:
    module, name = storage
    log = {"module": module, "class": name, "config": {"base_dir": str(folder / "history")}}
    folder.mkdir(exist_ok=True)
    with dg.instance_for_test(overrides={"event_log_storage": log}, temp_dir=str(folder)) as instance:
        assert type(instance.event_log_storage).__name__ == name
        yield instance


def _run(instance: dg.DagsterInstance) -> str:
    return dg.materialize([orders, orders_are_three], instance=instance).run_id


def _told(instance: dg.DagsterInstance, run_id: str) -> list[Told]:
    return [
        (entry.dagster_event.event_type_value if entry.dagster_event else None, entry.step_key)
        for entry in instance.all_logs(run_id)
    ]


def test_events_are_stored_and_read_like_dagster_s_own(tmp_path: Path) -> None:
    read = {}
    for storage in (OURS, DAGSTERS):
        with _instance(tmp_path / storage[1], storage) as instance:
            read[storage] = _told(instance, _run(instance))

    assert ("ASSET_MATERIALIZATION", "orders") in read[OURS]
    assert sorted(read[OURS], key=str) == sorted(read[DAGSTERS], key=str)


def test_what_ours_has_stored_dagster_s_own_reads_and_the_other_way_round(tmp_path: Path) -> None:
    for writer, reader in ((OURS, DAGSTERS), (DAGSTERS, OURS)):
        folder = tmp_path / writer[1]
        with _instance(folder, writer) as instance:
            run_id = _run(instance)
            told = _told(instance, run_id)
        with _instance(folder, reader) as instance:
            assert _told(instance, run_id) == told
            newest = instance.get_latest_materialization_event(orders.key)
            assert newest is not None
            assert newest.asset_materialization is not None
            assert newest.asset_materialization.metadata["rows"].value == 3


def test_two_instances_read_while_a_third_writes(tmp_path: Path) -> None:
    with _instance(tmp_path, OURS) as writer, ThreadPoolExecutor() as readers:
        ref, run_id = writer.get_ref(), _run(writer)
        told = _told(writer, run_id)

        def read() -> list[list[Told]]:
            with dg.DagsterInstance.from_ref(ref) as reader:
                return [_told(reader, run_id) for _ in range(20)]

        reading = [readers.submit(read) for _ in range(2)]
        _run(writer)

        assert [future.result() for future in reading] == [[told] * 20] * 2
