"""What can be asked for: each job is a part of the graph."""

import dagster as dg

from feature_repo.contract import FeatureTable
from orchestration.assets import champions, models, scores, segments, stages
from orchestration.resources import TABLES

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all(),
    description="The main job: from the export to decisions, for a range of days in one run.",
)

# past days keep what models said of users on them
_PUBLISHED = [dg.AssetKey(["feature_store", table.view]) for table in TABLES if table.every_day]
_ONLINE = [dg.AssetKey(["online_store", table.view]) for table in TABLES if table.every_day and table.is_online]


def _said_in(said: dg.AssetsDefinition, table: FeatureTable) -> dg.AssetSelection:
    """What a model says of users, and the feature table that holds it, offline and online."""
    stores = (dg.AssetKey([store, table.view]) for store in ("feature_store", "online_store"))
    return dg.AssetSelection.assets(said, table.name, *stores)


features = dg.define_asset_job(
    "features",
    selection=dg.AssetSelection.assets(*_PUBLISHED).upstream(),
    description="From the export to validated features.",
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.assets(*_PUBLISHED, *_ONLINE).upstream(),
    description="Past days anew, from the export to the online store; models are left alone.",
)

training_sets = dg.define_asset_job(
    "training_sets",
    selection=dg.AssetSelection.assets(*models.training_sets.values()).upstream(),
    description="From the export to what models learn from; nothing is learnt.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(
        *models.training_sets.values(), champions.champion_guard, *models.models, stages.buyer_stage
    ),
    description="Training sets and models anew, from the features as they are; what was said of users stays.",
)

recluster = dg.define_asset_job(
    "recluster",
    selection=dg.AssetSelection.assets(segments.user_segments)
    | _said_in(segments.user_segment_labels, segments.SEGMENTS),
    description="Segments anew, from the features as they are, and the segment of each user of the newest day.",
)

rescore = dg.define_asset_job(
    "rescore",
    selection=_said_in(scores.user_model_scores, scores.SCORES),
    description="What the champions say now of each user who was there on the newest day; nothing is learnt.",
)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="What `daily` asks for: all that everything does, but for training models that have a champion.",
)

JOBS = [everything, refresh, features, backfill, training_sets, retrain, recluster, rescore]
