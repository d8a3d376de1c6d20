"""From when on what a model says of users is known."""

from datetime import datetime

import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable


def keys_of(table: FeatureTable, users: pd.DataFrame, registered_at: datetime) -> pd.DataFrame:
    """The keys and clocks of what a version says of `users`, rows of `table`: known once both of them were there.

    `registered_at` is when the version was registered.
    """
    keys = users[[table.join_key, table.day, FEATURE_AT, KNOWN_AT]]
    registered = pd.Timestamp(registered_at).tz_convert("UTC").tz_localize(None)
    known_at = keys[KNOWN_AT].where(keys[KNOWN_AT] > registered, registered)
    return keys.assign(**{table.day: keys[table.day].dt.date, KNOWN_AT: known_at})
