"""The contract of a feature table, as dbt's manifest states it.

A feature is described once, in the enforced dbt contract of its table. Feast views, expectations, training matrices,
model signatures and the decision service all ask the values below.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

FEATURE_AT = "feature_at"
KNOWN_AT = "known_at"

DataType = Literal["string", "int64", "float64", "bool", "timestamp", "date"]
Aggregation = Literal["occurred", "count", "count_5m", "seconds_since"]
PlaceKind = Literal["city", "country"]


class ContractError(ValueError):
    """A dbt model states no usable contract; the message names the model, the column and what would be right."""


@dataclass(frozen=True)
class ActivityRule:
    """How a session feature is built from events up to a moment; `event` is a GA4 event name, or `*` for any."""

    event: str
    aggregation: Aggregation


@dataclass(frozen=True)
class Column:
    """One column of a feature table.

    `minimum` and `maximum` bound its values, `at_most` names a column that is never smaller, `theme` says what a
    marketer would file it under, `place` what kind of places it holds, `subgroup` whom its values tell apart where a
    model is judged group by group; a number there counts visits.
    """

    name: str
    data_type: DataType
    description: str
    is_nullable: bool
    minimum: float | None = None
    maximum: float | None = None
    models: tuple[str, ...] | None = None
    rule: ActivityRule | None = None
    theme: str | None = None
    at_most: str | None = None
    place: PlaceKind | None = None
    subgroup: str | None = None

    @property
    def is_feature(self) -> bool:
        """True for what models may read; keys, dates and clocks say nothing about models."""
        return self.models is not None


@dataclass(frozen=True)
class FeatureTable:
    """A dbt model whose rows describe an entity from `feature_at` on, known to the platform from `known_at` on.

    `key` tells rows apart, `day` is the date column that the table is built by. A row remembers `remembered_days` days,
    its own the last of them; `was_there` is SQL that is true of rows whose entity was there on their day. Where
    `every_day` is false, days may be without rows, or without those of some entities.
    """

    name: str
    view: str
    description: str
    entity: str
    join_key: str
    key: tuple[str, ...]
    day: str
    ttl: timedelta
    is_online: bool
    columns: tuple[Column, ...]
    remembered_days: int = 1
    was_there: str = "true"
    every_day: bool = True

    def tells_since(self, day: date) -> date:
        """The first day whose rows tell of entities on `day`: another one where days tell of some, and still count."""
        return day if self.every_day else day - self.ttl + timedelta(days=1)

    @property
    def features(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_feature)

    def features_of(self, model: str) -> tuple[Column, ...]:
        """The features that `model` reads, in contract order."""
        return tuple(column for column in self.features if model in (column.models or ()))

    @property
    def checksum(self) -> str:
        """SHA-256 of everything the contract states."""
        stated = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(stated.encode()).hexdigest()


def load(manifest: Path) -> tuple[FeatureTable, ...]:
    """The feature tables of a dbt manifest: every model whose `meta` names an entity, sorted by name.

    Raises:
        ContractError: the manifest is missing, a contract is not enforced, or a column's type is unknown.
    """
    if not manifest.is_file():
        raise ContractError(f"dbt manifest {manifest} is missing: run `dbt parse` in dbt_project (make does).")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and "entity" in node["config"]["meta"]]
    return tuple(_table(node) for node in sorted(models, key=lambda node: node["name"]))


def models_of(tables: tuple[FeatureTable, ...]) -> tuple[str, ...]:
    """The names of all models that read at least one feature, sorted."""
    return tuple(sorted({model for table in tables for column in table.features for model in column.models or ()}))


def checksum(tables: tuple[FeatureTable, ...]) -> str:
    """SHA-256 over the contracts of several tables."""
    return hashlib.sha256("".join(table.checksum for table in tables).encode()).hexdigest()


def _table(node: Mapping[str, Any]) -> FeatureTable:
    name, meta = node["name"], node["config"]["meta"]
    if not node["config"]["contract"]["enforced"]:
        raise ContractError(f"dbt model {name!r} names an entity and must set `contract: {{enforced: true}}`.")
    try:
        return FeatureTable(
            name=name,
            view=meta["view"],
            description=node["description"],
            entity=meta["entity"],
            join_key=meta["join_key"],
            key=tuple(meta["key"]),
            day=meta["day"],
            ttl=timedelta(days=meta["ttl_days"]),
            is_online=meta["online"],
            remembered_days=meta.get("remembered_days", 1),
            was_there=meta.get("was_there", "true"),
            every_day=meta.get("every_day", True),
            columns=tuple(_column(name, column) for column in node["columns"].values()),
        )
    except KeyError as missing:
        raise ContractError(f"dbt model {name!r} lacks {missing} in its `meta`.") from missing


def _column(model: str, column: Mapping[str, Any]) -> Column:
    meta = column["config"]["meta"]
    if column["data_type"] not in get_args(DataType):
        raise ContractError(
            f"Column {model}.{column['name']} has type {column['data_type']!r}; use one of {get_args(DataType)}."
        )
    rule = meta.get("rule")
    if rule and rule["aggregation"] not in get_args(Aggregation):
        raise ContractError(
            f"Column {model}.{column['name']} has aggregation {rule['aggregation']!r}; "
            f"use one of {get_args(Aggregation)}."
        )
    if meta.get("place") not in (None, *get_args(PlaceKind)):
        raise ContractError(
            f"Column {model}.{column['name']} has place {meta['place']!r}; use one of {get_args(PlaceKind)}."
        )
    return Column(
        name=column["name"],
        data_type=column["data_type"],
        description=column["description"],
        is_nullable=not any(constraint["type"] == "not_null" for constraint in column["constraints"]),
        minimum=meta.get("min"),
        maximum=meta.get("max"),
        models=tuple(meta["models"]) if "models" in meta else None,
        rule=ActivityRule(**rule) if rule else None,
        theme=meta.get("theme"),
        at_most=meta.get("at_most"),
        place=meta.get("place"),
        subgroup=meta.get("subgroup"),
    )
