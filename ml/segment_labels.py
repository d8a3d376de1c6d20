"""Which segment each user is in, as rows for the warehouse."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable, checksum
from ml import segment_bundle
from ml.knowledge import keys_of
from ml.registry import Registry
from ml.versions import ChampionVersion


def label_users(registry: Registry, name: str, table: FeatureTable, users: pd.DataFrame) -> pd.DataFrame:
    """The segments that the champion gives to `users`, rows of `table` of one day, with their keys and clocks.

    A label is known once both the user's features and the champion were there. There is no row without a champion, nor
    from one that was fitted under another contract than the table's, to which the features meant something else. Users
    of a day before the one whose users the champion was fitted on get none either: it would know what was not known
    then.
    """
    champion = registry.champion(name)
    if champion is None or users.empty or not _may_label(champion, table, users):
        return users[[table.join_key, table.day, FEATURE_AT, KNOWN_AT]].head(0)
    with TemporaryDirectory() as folder:
        bundle = registry.download_bundle(name, champion.version, Path(folder))
        segments = segment_bundle.read(bundle, champion.digest)
    assigned = segments.assign(users)
    return keys_of(table, users, registry.registered_at(name, champion.version)).assign(
        id=[identity.id for identity in assigned],
        name=[identity.name for identity in assigned],
        version=champion.version,
    )


def _may_label(champion: ChampionVersion, table: FeatureTable, users: pd.DataFrame) -> bool:
    is_past = users[table.day].max() < pd.Timestamp(champion.tags["trained_to"])
    return champion.tags["contract"] == checksum((table,)) and not is_past
