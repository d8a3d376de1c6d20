"""Scores: what the champions say of each user as a day of theirs ends, in between trainings too."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from feature_repo import contract
from feature_repo.contract import ContractError, FeatureTable
from ml.specs import USER_MODELS
from orchestration import feature_rows
from orchestration.assets.features import SAID_BY_MODELS
from orchestration.partitions import days_of, is_rebuild
from orchestration.resources import (
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    RegistryResource,
    WarehouseResource,
)

if TYPE_CHECKING:
    from ml.user_scores import Scorer


def _table_of(model: str) -> FeatureTable:
    """The table of users that a model of users reads."""
    read = [table for table in TABLES if table.features_of(model)]
    if [table.entity for table in read] != ["user"]:
        raise ContractError(
            f"{model} reads {[table.name for table in read]}; a model of users reads one table of users."
        )
    return read[0]


SCORES = next(table for table in TABLES if table.view == "user_scores")
"""The feature table that tells users' scores."""
_READ = {spec.name: _table_of(spec.name) for spec in USER_MODELS}


@dg.asset(
    deps=[
        *(dg.AssetKey(model) for model in _READ),
        *sorted({dg.AssetKey(["feature_store", table.view]) for table in _READ.values()}),
    ],
    group_name=SAID_BY_MODELS,
    kinds={"xgboost", "bigquery" if SETTINGS.profile == "gcp" else "duckdb"},
    owners=OWNERS,
    pool=WAREHOUSE_POOL,
)
def user_model_scores(
    context: dg.AssetExecutionContext, registry: RegistryResource, warehouse: WarehouseResource
) -> dg.MaterializeResult:
    """What the champions say of each user who was there on the newest day, or on a day of the run not long before it.

    A day is scored once, as long as its scores would still count. Who stayed away keeps what was said of the last day
    with a visit: models of users learn from such days alone, and of others would promise far too much.
    """
    table = user_model_scores.key.path[-1]
    if is_rebuild(context):
        # scores of another contract, or of users known by other ids
        warehouse.forget(table)
    scorers = _scorers(context, registry)
    days = _days_to_score(days_of(context), warehouse, table)
    scores = [_scores_on(day, scorers, warehouse) for day in days]
    for day, rows in zip(days, scores, strict=True):
        warehouse.replace_day(table, SCORES.day, day, rows)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(map(len, scores)),
            "days_scored": len(days),
            **_on_newest_day(scorers, scores[-1]),
        }
    )


def _scorers(context: dg.AssetExecutionContext, registry: RegistryResource) -> Mapping[str, "Scorer"]:
    """The champions that can be asked, by model; one that can't be leaves its scores out, and the day goes on."""
    from ml.user_scores import ScorerError, open_scorer

    store, scorers = registry.open(), {}
    for spec in USER_MODELS:
        try:
            scorer = open_scorer(store, spec, contract.checksum(TABLES))
        except ScorerError as refusal:
            context.log.warning(str(refusal))
            continue
        if scorer:
            scorers[spec.name] = scorer
    return scorers


def _days_to_score(days: Sequence[date], warehouse: WarehouseResource, table: str) -> Sequence[date]:
    """The newest day, after those of a run's `days` that have no scores and whose scores would still count."""
    earlier = [day for day in days if SCORES.tells_since(SOURCE.last) <= day < SOURCE.last]
    return [*(day for day in earlier if not warehouse.count(table, f"{SCORES.day} = date '{day}'")), SOURCE.last]


def _scores_on(day: date, scorers: Mapping[str, "Scorer"], warehouse: WarehouseResource) -> pd.DataFrame:
    users = {table: feature_rows.read_there(warehouse, table, day) for table in {_READ[model] for model in scorers}}
    said = [
        scorer.score(_READ[model], users[_READ[model]])
        for model, scorer in scorers.items()
        if not users[_READ[model]].empty
    ]
    return pd.concat(said, ignore_index=True) if said else pd.DataFrame()


def _on_newest_day(scorers: Mapping[str, "Scorer"], scores: pd.DataFrame) -> dict[str, Any]:
    """How many users have scores of the newest day, by which versions, and which share of them each model scored."""
    users = 0 if scores.empty else int(scores[SCORES.join_key].nunique())
    rows = {} if scores.empty else scores["model"].value_counts().to_dict()
    return {
        "users": users,
        "versions": dg.JsonMetadataValue({model: scorer.version for model, scorer in scorers.items()}),
        "scored": dg.JsonMetadataValue({model: rows.get(model, 0) / users if users else 0.0 for model in _READ}),
    }
