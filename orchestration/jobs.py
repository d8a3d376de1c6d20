"""What can be asked for: each job is a part of the graph."""

import dagster as dg

from orchestration.assets import champions, models, segments, stages
from orchestration.assets.features import online_tables, published_tables
from orchestration.resources import TABLES

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all(),
    description="The main job: from the export to decisions, for a range of days in one run.",
)

# what a model says of users: past days keep what it said on them
_SEGMENTS = dg.AssetSelection.assets(
    segments.user_segments,
    segments.user_segment_labels,
    *(table.name for table in TABLES if not table.every_day),
    *(
        dg.AssetKey([store, table.view])
        for store in ("feature_store", "online_store")
        for table in TABLES
        if not table.every_day
    ),
)

features = dg.define_asset_job(
    "features",
    selection=dg.AssetSelection.assets(*published_tables).upstream() - _SEGMENTS,
    description="From the export to validated features.",
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.assets(*published_tables, *online_tables).upstream() - _SEGMENTS,
    description="Past days anew, from the export to the online store; models are left alone.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(
        *models.training_sets.values(), champions.champion_guard, *models.models, stages.buyer_stage
    ),
    description="Training sets and models anew, from the features as they are; segments are left alone.",
)

recluster = dg.define_asset_job(
    "recluster",
    selection=_SEGMENTS,
    description="Segments anew, from the features as they are, and the segment of each user of the newest day.",
)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="What `daily` asks for: all that everything does, but for training models that have a champion.",
)

JOBS = [everything, refresh, features, backfill, retrain, recluster]
