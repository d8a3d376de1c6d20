"""The asset that writes the online store, run by Dagster over rows that are published in an empty home."""

from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest


def test_only_a_rebuild_brings_the_online_clocks_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild's tag reaches this asset, although it has no partitions."""
    from feature_repo.contract import DataType
    from feature_repo.offline import offline_folder
    from orchestration import feature_rows, resources
    from orchestration.assets import features
    from orchestration.assets.features import feature_registry, online_tables
    from orchestration.partitions import range_tags
    from orchestration.resources import SOURCE, TABLES

    table = next(table for table in TABLES if table.is_online and table.every_day)
    for module in (resources, feature_rows, features):
        monkeypatch.setattr(module, "SETTINGS", resources.SETTINGS.model_copy(update={"home": tmp_path}))
    for published in TABLES:
        offline_folder(tmp_path, published).mkdir(parents=True)
    (written_asset,) = (asset for asset in online_tables if asset.key.path[-1] == table.view)
    folder = offline_folder(tmp_path, table)
    stores = {
        "warehouse": resources.WarehouseResource(home=str(tmp_path), path=str(tmp_path / "warehouse.duckdb")),
        "feature_store": resources.FeatureStoreResource(home=str(tmp_path)),
    }

    def written(at: pd.Timestamp, visits: int, rebuild: bool) -> bool:
        day: date = SOURCE.last
        values: dict[DataType, object] = {"string": "a", "int64": visits, "float64": 1.5, "bool": True}
        row = {column.name: values.get(column.data_type, at) for column in table.columns}
        pd.DataFrame([{**row, table.day: day, "is_retracted": False}]).to_parquet(folder / f"{day}.parquet")
        job = dg.define_asset_job("write", dg.AssetSelection.assets(feature_registry, written_asset))
        asked = dg.Definitions([feature_registry, written_asset], jobs=[job], resources=stores)
        tags = range_tags(SOURCE.first, day, rebuild)
        return asked.resolve_job_def("write").execute_in_process(tags=tags, raise_on_error=False).success

    midnight = pd.Timestamp(SOURCE.last) + pd.Timedelta(days=1)
    earlier = midnight - pd.Timedelta(hours=1)

    assert written(midnight, visits=1, rebuild=True)
    assert not written(earlier, visits=2, rebuild=False)
    assert written(earlier, visits=2, rebuild=True)
