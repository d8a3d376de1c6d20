"""The online store: written so that older never overwrites newer, read for many at once, compared with its source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from feature_repo.online_redis import RedisWriter
from feature_repo.online_redis_reader import RedisReader
from feature_repo.online_rows import OnlineWriteError, build_rows, entity_keys
from feature_repo.online_sqlite import WAIT_SECONDS, SqliteReader, SqliteWriter
from feature_repo.stored_rows import OnlineReader

if TYPE_CHECKING:
    from feast import FeatureStore

CHUNK = 5_000

Frame = TypeVar("Frame", pd.DataFrame, pd.Series)


class OnlineReadError(ValueError):
    """Features or an online store that can't be read; the message says what would do."""


@dataclass(frozen=True)
class OnlineWrite:
    """What a guarded write did; `outdated` rows were left out for newer ones, stored or written."""

    written: int
    outdated: int


@dataclass(frozen=True)
class Parity:
    """How many entities were compared offline and online, and in which of them which features differed."""

    compared: int
    different: int
    features: tuple[str, ...]


def write_newest(store: "FeatureStore", table: FeatureTable, rows: pd.DataFrame) -> OnlineWrite:
    """Write `rows` to the online store where they are not older than what it holds.

    Rows of an entity are ordered by `feature_at`, then `known_at`: a correction of the same moment takes the place of
    what it corrects, and of equal ones the last counts. Memory beyond `rows` is that of their clocks and a chunk.

    Raises:
        OnlineWriteError: a key or a clock is null, or the store is neither SQLite nor Redis.
    """
    for name in (table.join_key, FEATURE_AT, KNOWN_AT):
        if rows[name].isna().any():
            raise OnlineWriteError(f"Column {table.name}.{name} is null in a row to write online; fill it.")
    writer = _writer(store)
    view = store.get_feature_view(table.view, allow_registry_cache=True)
    key_version = store.config.entity_key_serialization_version
    # In the order of keys the pages of a B-tree are filled one after the other, which takes half the time.
    order = [table.join_key, FEATURE_AT, KNOWN_AT]
    newest = rows[order].reset_index(drop=True).sort_values(order).drop_duplicates(table.join_key, keep="last")
    positions = newest.index.to_series()
    chunks = (build_rows(table, rows.iloc[chunk], key_version) for chunk in _chunks(positions))
    written = writer.write(view, table.features, chunks)
    return OnlineWrite(written, len(rows) - written)


def clear(store: "FeatureStore", table: FeatureTable) -> None:
    """Remove all rows of the view, which rows made by other code or settings can't be compared with by their clocks."""
    _writer(store).clear(store.get_feature_view(table.view, allow_registry_cache=True), table.features)


def delete(store: "FeatureStore", join_key: str, value: str, patience: float = WAIT_SECONDS) -> int:
    """Remove one entity from every view it is the key of; returns the rows removed, one a view that held it.

    A writer's lock on SQLite is waited for at most `patience` seconds.
    """
    (key,) = entity_keys(join_key, [value], store.config.entity_key_serialization_version)
    views = [view for view in store.list_feature_views() if view.join_keys == [join_key]]
    return _writer(store, patience).delete(views, key)


def open_reader(store: "FeatureStore", views: Mapping[str, Sequence[str]], patience: float) -> OnlineReader:
    """What reads the named features of each of `views`, all keyed alike; no wait takes longer than `patience` seconds.

    Raises:
        OnlineReadError: a view lacks a feature, or the store is neither SQLite nor Redis.
        FeatureViewNotFoundException: Feast knows no view of that name.
    """
    known = {store.get_feature_view(view, allow_registry_cache=True): names for view, names in views.items()}
    for view, names in known.items():
        if lacking := set(names).difference(feature.name for feature in view.features):
            raise OnlineReadError(f"Feature view {view.name} lacks {', '.join(sorted(lacking))}; apply the contract.")
    match store.config.online_store.type:
        case "sqlite":
            return SqliteReader(store.config, known, patience)
        case "redis":
            return RedisReader(store.config, known, patience)
        case other:
            raise OnlineReadError(f"The online store is of type {other!r}; use 'sqlite' or 'redis'.")


def refuse_other_types(store: "FeatureStore", views: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse features that the store keeps in another type than each of `views` names for them.

    Raises:
        OnlineReadError: names the first such feature and both types.
    """
    for view, types in views.items():
        kept = {field.name: field.dtype for field in store.get_feature_view(view, allow_registry_cache=True).features}
        for name, data_type in types.items():
            if (found := str(kept[name]).lower()) != data_type:
                raise OnlineReadError(
                    f"Feature {view}:{name} is {found} in the feature store, and the model learnt from {data_type}: "
                    "train it again, or apply the contract that it learnt from."
                )


def compare(store: "FeatureStore", table: FeatureTable, rows: pd.DataFrame) -> Parity:
    """Look the entities of `rows` up online as serving code would, and compare each feature with its offline value."""
    if rows.empty:
        return Parity(0, 0, ())
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


def _writer(store: "FeatureStore", patience: float = WAIT_SECONDS) -> SqliteWriter | RedisWriter:
    # Another store's layout and its answer to an equal time are its own: there the guard would be a guess.
    match store.config.online_store.type:
        case "sqlite":
            return SqliteWriter(store.config, patience)
        case "redis":
            return RedisWriter(store.config, store._get_provider().online_store)
        case other:
            raise OnlineWriteError(f"The online store is of type {other!r}; use 'sqlite' or 'redis'.")


def _chunks(rows: Frame) -> Iterator[Frame]:
    """`rows` in pieces small enough for one statement of any store."""
    for start in range(0, len(rows), CHUNK):
        yield rows.iloc[start : start + CHUNK]
