"""What is learnt once visitors have changed: the days since then test a model, and tell it how often they answer.

Every row is learnt from, since most of what tells visitors apart outlasts a drift; how often they answer does not.
"""

from dataclasses import replace
from datetime import date

import pandas as pd

from ml.datasets import EVENT_TIMESTAMP, Split, split_at, split_by_time
from ml.specs import ModelSpec
from ml.terms import drift_known_to
from ml.versions import ChampionVersion

SINCE = "is_since_drift"

LEAST_ANSWERS = 25
"""Answers of each kind since a drift to tell the new level by: within a fifth, where most drifts are more than that."""


def usual_days(champion: ChampionVersion | None) -> tuple[date, date] | None:
    """The first and the last day that a champion learnt from, since the last drift that it learnt of."""
    if champion is None:
        return None
    first, last = (date.fromisoformat(champion.tags[name]) for name in ("trained_from", "trained_to"))
    return max(first, drift_known_to(champion) or first), last


def split_since(spec: ModelSpec, frame: pd.DataFrame, drift: pd.Timestamp | None) -> tuple[ModelSpec, Split]:
    """The newer half of the days since a drift as test set, and a spec whose `current` rows are the older half.

    Half of those days at most is tested on, and a fifth of all days. Where nothing has drifted, or too few answers
    since then are left to learn from, the spec is as it was and the last fifth of the days is the test set.

    Raises:
        DatasetError: there are fewer than two days.
    """
    split = split_by_time(frame, spec.horizon)
    if drift is None:
        return spec, split
    days = frame.loc[frame[EVENT_TIMESTAMP] >= drift, EVENT_TIMESTAMP].dt.floor("D").drop_duplicates().sort_values()
    if days.empty:
        return spec, split
    shorter = split_at(frame, spec.horizon, max(split.cutoff, days.iloc[len(days) // 2]))
    train = shorter.train.assign(**{SINCE: shorter.train[EVENT_TIMESTAMP] >= drift})
    positives = train.loc[train[SINCE], spec.label].astype(bool)
    if min(positives.sum(), (~positives).sum()) < LEAST_ANSWERS:
        return spec, split
    return replace(spec, current=SINCE), replace(shorter, train=train)
