"""The stages of the buyer's journey: rival definitions compared, and the one that stands learnt."""

from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pandas as pd

from ml.specs import BUYER_STAGE
from orchestration.assets.models import GROUP, terms_of, training_set_file, training_sets
from orchestration.metadata import not_trained, stage_metadata
from orchestration.resources import OWNERS, SETTINGS, TABLES, WAREHOUSE_POOL, RegistryResource, WarehouseResource


@dg.asset(
    name=BUYER_STAGE.name,
    deps=[training_sets[BUYER_STAGE.name]],
    group_name=GROUP,
    kinds={"xgboost", "mlflow"},
    owners=OWNERS,
    description=f"{BUYER_STAGE.description} The newest version, of the definition that the survey agrees with best.",
    pool=WAREHOUSE_POOL,
)
def buyer_stage(
    context: dg.AssetExecutionContext, registry: RegistryResource, warehouse: WarehouseResource
) -> dg.MaterializeResult:
    """The newest version of the stage model."""
    from ml.datasets import DatasetError, TrainingSet, features_of
    from ml.stage_release import release_stages
    from ml.stages import TooFewOfStage

    spec = BUYER_STAGE
    frame = pd.read_parquet(training_set_file(spec.name))
    data = TrainingSet(frame, features_of(TABLES, spec.name), spec.definitions[0])
    with TemporaryDirectory() as folder:
        try:
            release = release_stages(spec, data, registry.open(), terms_of(TABLES, warehouse), Path(folder))
        except (TooFewOfStage, DatasetError) as refusal:
            return not_trained(context, refusal)
        if release.evidence.choice.warning:
            context.log.warning(release.evidence.choice.warning)
        return dg.MaterializeResult(metadata=stage_metadata(release, SETTINGS.mlflow_port))
