"""Models: training sets joined from the feature store, and what is learnt from them."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd

from feature_repo import contract, offline
from feature_repo.contract import FeatureTable
from ml.specs import BUYER_STAGE, MODELS, ModelSpec, StageSpec
from orchestration import feature_rows
from orchestration.assets.features import feature_registry
from orchestration.metadata import model_metadata, not_trained
from orchestration.resources import (
    ALL_DAYS,
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    FeatureStoreResource,
    RegistryResource,
    WarehouseResource,
    all_rows,
)
from tactful.stores import decision_record

if TYPE_CHECKING:
    from ml.terms import Terms
    from ml.versions import ChampionVersion

GROUP = "models"
_OURS = "tactful/"
DRIFT_TAG = f"{_OURS}drifted_on"
"""The tag of a run that a drift has asked for: the first day of visitors who are others than before."""
GUARD = "champion_guard"
"""The asset that sends bad champions back, before a new version is held to the champion."""
GUARDED = [spec for spec in MODELS if spec.decides]
_WHOLE_SESSIONS = f"""
    select avg(case when has_session_start then 1.0 else 0.0 end) as share
    from fct_sessions
    where session_date {ALL_DAYS}
"""


def training_set_file(name: str) -> Path:
    """Where a model's training set lies."""
    return SETTINGS.home / "training_sets" / f"{name}.parquet"


def terms_of(tables: tuple[FeatureTable, ...], warehouse: WarehouseResource) -> "Terms":
    """What a release is told, by the settings and the warehouse."""
    from ml.terms import Terms

    return Terms(
        contract_checksum=contract.checksum(tables),
        conversion_event=SETTINGS.conversion_event,
        impression_budget=SETTINGS.impression_budget,
        is_simulated=SOURCE.is_simulated,
        whole_sessions=float(warehouse.query(_WHOLE_SESSIONS)["share"].iloc[0]),
        zone=SETTINGS.zone,
        dask_scheduler=SETTINGS.dask_scheduler,
    )


def asked_by(run: dg.DagsterRun, terms: "Terms", champion: "ChampionVersion | None") -> "Terms":
    """Terms with what asked for the run, and since when visitors are others: as it says, or as the champion learnt."""
    from ml.terms import drift_known_to

    told = {name: value for name, value in run.tags.items() if name.startswith(_OURS)}
    since = date.fromisoformat(told[DRIFT_TAG]) if DRIFT_TAG in told else drift_known_to(champion)
    return replace(terms, asked={"run": run.run_id, **told}, drifted_on=since)


def _training_set(spec: ModelSpec | StageSpec) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{spec.name}_training_set",
        deps=[feature_registry, dg.AssetKey(spec.labels_table)],
        group_name=GROUP,
        kinds={"feast", "parquet"},
        owners=OWNERS,
        description=f"One row a decision of {spec.name}: features as they were known then, and what came true.",
        pool=WAREHOUSE_POOL,
    )
    def training_set(warehouse: WarehouseResource, feature_store: FeatureStoreResource) -> dg.MaterializeResult:
        labels = warehouse.query(all_rows(spec.labels_table)).rename(columns={"decision_at": offline.MOMENT})
        frame = feature_rows.training_frame(feature_store, spec.feature_service, labels)
        file = training_set_file(spec.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        frame.to_parquet(partial, index=False)
        partial.replace(file)
        for table in TABLES:
            if table.features_of(spec.name) and len(frame):
                feature_rows.refuse_lookahead(warehouse, table, file)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(frame),
                **_answers(spec, frame),
                "feature_service": spec.feature_service,
                "file": dg.MetadataValue.path(file),
            }
        )

    return training_set


def _answers(spec: ModelSpec | StageSpec, frame: pd.DataFrame) -> dict[str, int | dg.JsonMetadataValue]:
    if isinstance(spec, ModelSpec):
        return {"positives": int(frame[spec.label].sum())}
    counted = {
        label: dg.JsonMetadataValue({str(stage): int(rows) for stage, rows in frame[label].value_counts().items()})
        for label in spec.labels
    }
    return {**counted, "survey_answers": int(frame[spec.answer].notna().sum())}


def _model(spec: ModelSpec, training_set: dg.AssetsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        name=spec.name,
        deps=[training_set, *([dg.AssetKey(GUARD)] if spec in GUARDED else [])],
        group_name=GROUP,
        kinds={"xgboost", "mlflow"},
        owners=OWNERS,
        description=f"{spec.description} The newest version, champion if it is better than the one before it.",
        pool=WAREHOUSE_POOL,
    )
    def model(
        context: dg.AssetExecutionContext, registry: RegistryResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:
        from ml.datasets import DatasetError, TrainingSet, features_of
        from ml.release import release_model
        from ml.training import TooFewPositives
        from serving.logged import newest_scored

        frame = pd.read_parquet(training_set_file(spec.name))
        data = TrainingSet(frame, features_of(TABLES, spec.name), spec.label)
        store = registry.open()
        terms = asked_by(context.run, terms_of(TABLES, warehouse), store.champion(spec.name))
        if spec.decides:
            terms = replace(terms, logged=newest_scored(decision_record(SETTINGS), spec.name))
        with TemporaryDirectory() as folder:
            try:
                release = release_model(spec, data, store, terms, Path(folder))
            except (TooFewPositives, DatasetError) as refusal:
                return not_trained(context, refusal)
            return dg.MaterializeResult(metadata=model_metadata(release, SETTINGS.mlflow_port))

    return model


training_sets = {spec.name: _training_set(spec) for spec in (*MODELS, BUYER_STAGE)}
models = [_model(spec, training_sets[spec.name]) for spec in MODELS]
