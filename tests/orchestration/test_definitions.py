"""The definitions as Dagster loads them.

After a change to the asset graph that is meant, renew the kept one: `python tests/orchestration/test_definitions.py`.
"""

import re
import subprocess
import sys
import tempfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tactful.home import environment
from tactful.settings import Settings
from tests.conftest import PROJECT

KEPT = PROJECT / "tests" / "orchestration" / "asset_graph.json"


def _asset_graph(home: Path) -> str:
    """The graph as a fresh process loads it, with no other settings than its home."""
    inherited = {name: value for name, value in environment(Settings()).items() if not name.startswith("TACTFUL_")}
    loaded = subprocess.run(
        [sys.executable, KEPT.with_suffix(".py")],
        env={**inherited, "TACTFUL_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    return loaded.stdout


def test_the_asset_graph_loaded_in_an_empty_home_is_the_kept_one(manifest: Path, tmp_path: Path) -> None:
    assert _asset_graph(tmp_path) == KEPT.read_text()
    assert list(tmp_path.iterdir()) == []


def test_every_asset_says_what_it_is_and_whose() -> None:
    from orchestration.definitions import defs

    for spec in defs.resolve_all_asset_specs():
        assert spec.group_name not in (None, "default"), spec.key
        assert spec.kinds, spec.key
        assert spec.owners == ["team:data"], spec.key
        assert spec.description, spec.key
        assert "Raw SQL" not in spec.description, spec.key


def test_no_group_of_assets_waits_for_itself() -> None:
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    groups = {key: str(graph.get(key).group_name) for key in graph.get_all_asset_keys()}
    waits_for = {group: set[str]() for group in groups.values()}
    for key, group in groups.items():
        waits_for[group] |= {groups[parent] for parent in graph.get(key).parent_keys} - {group}

    order = list(TopologicalSorter(waits_for).static_order())

    assert {groups[key] for key in groups if "user_segment" in key.path[-1]} == {"said_by_models"}
    assert order.index("features") < order.index("models")


def test_assets_are_nouns_and_checks_are_sentences_in_snake_case() -> None:
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    parts = [part for key in graph.get_all_asset_keys() for part in key.path]
    names = [*parts, *(check.name for check in graph.asset_check_keys)]

    assert [name for name in names if not re.fullmatch("[a-z][a-z0-9]*(_{1,2}[a-z0-9]+)*", name)] == []
    assert [part for part in parts if re.match("(get|build|make|run|load|create|train|write)_", part)] == []


@pytest.mark.parametrize("asset", ["user_segments", "live_decision"])
def test_a_check_that_fails_stops_what_depends_on_it(asset: str) -> None:
    """Upstream of what decides, every check of our own blocks but those that tell of days and keep none out."""
    import dagster as dg

    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    upstream = graph.get_ancestor_asset_keys(dg.AssetKey(asset))
    ours = {key for checks in defs.asset_checks or () for key in checks.check_keys if key.asset_key in upstream}

    assert {key.name for key in ours if not graph.get(key).blocking} == {
        "days_have_their_usual_size",
        "every_day_is_landed",
        "late_days_are_built",
        "signals_are_usual",
    }
    assert {"no_row_is_lost", "user_features_meet_expectations"} <= {
        key.name for key in ours if graph.get(key).blocking
    }


def test_many_days_of_every_daily_asset_are_built_in_one_run() -> None:
    import dagster as dg

    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    daily = [graph.get(key) for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned]

    assert {"events", "stg_ga4__events", "fct_user_features", "user_features"} <= {
        asset.key.path[-1] for asset in daily
    }
    assert [asset.key for asset in daily if asset.backfill_policy != dg.BackfillPolicy.single_run()] == []


if __name__ == "__main__":
    KEPT.write_text(_asset_graph(Path(tempfile.mkdtemp())))
