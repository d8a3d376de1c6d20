"""The online store: written so that older never overwrites newer, and compared with what it was written from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.contract import FEATURE_AT, FeatureTable

if TYPE_CHECKING:
    from feast import FeatureStore

CHUNK = 5_000


@dataclass(frozen=True)
class OnlineWrite:
    """What a guarded write did; `outdated` rows were older than what the store held and were left out."""

    written: int
    outdated: int


@dataclass(frozen=True)
class Parity:
    """How many entities were compared offline and online, and in which of them which features differed."""

    compared: int
    different: int
    features: tuple[str, ...]


def write_newest(store: "FeatureStore", table: FeatureTable, rows: pd.DataFrame) -> OnlineWrite:
    """Write `rows` (one an entity) to the online store where they are not older than what it holds."""
    written = 0
    for chunk in _chunks(rows):
        newer = chunk[_stored_at(store, table, chunk[table.join_key]) <= chunk[FEATURE_AT].to_numpy()]
        if len(newer):
            store.write_to_online_store(table.view, df=newer, allow_registry_cache=True)
        written += len(newer)
    return OnlineWrite(written, len(rows) - written)


def compare(store: "FeatureStore", table: FeatureTable, rows: pd.DataFrame) -> Parity:
    """Look the entities of `rows` up online as serving code would, and compare each feature with its offline value."""
    names = [column.name for column in table.features]
    different = pd.concat([_differences(store, table, names, chunk) for chunk in _chunks(rows)])
    return Parity(
        compared=len(rows),
        different=int(different.any(axis=1).sum()),
        features=tuple(name for name in names if different[name].any()),
    )


def _differences(store: "FeatureStore", table: FeatureTable, names: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """For each row and feature, whether the value served online is another than the row's; null equals null."""
    served = store.get_online_features(
        features=[f"{table.view}:{name}" for name in names],
        entity_rows=[{table.join_key: key} for key in rows[table.join_key]],
    ).to_dict()
    online = pd.DataFrame({name: served[name] for name in names}, index=rows.index, dtype=object)
    offline = rows[list(names)].astype(object)
    return ~((online.isna() & offline.isna()) | (online == offline))


def _stored_at(store: "FeatureStore", table: FeatureTable, keys: Iterable[str]) -> NDArray[np.datetime64]:
    """When the rows that the store holds for `keys` begin to describe them; long ago where it holds none."""
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    view = store.get_feature_view(table.view, allow_registry_cache=True)
    entity_keys = [EntityKey(join_keys=[table.join_key], entity_values=[Value(string_val=key)]) for key in keys]
    stored = store._get_provider().online_read(store.config, view, entity_keys, requested_features=[])
    return np.array([at.replace(tzinfo=None) if at else datetime.min for at, _ in stored], dtype="datetime64[us]")


def _chunks(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """`rows` in pieces small enough for one statement of any store."""
    for start in range(0, len(rows), CHUNK):
        yield rows.iloc[start : start + CHUNK]
