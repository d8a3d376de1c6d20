"""How near versions come to the best there could be once a shop's visitors have turned: its own, and others alike."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.alarm import session_tables
from benchmarks.session_rows import rows_of
from benchmarks.world import SPEC, World
from ml import trial
from ml.best import shares_of_best
from ml.bundle import Bundle
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import Outcomes, Scores, expected_roc_auc, target_of
from ml.intervals import Interval, interval_of, resampled
from simulator.shop import Shop
from tactful import optimum

OTHERS_SESSIONS, OTHERS_DAYS = 20_000, 14
"""Sessions a day of the shop of others, and its days before the turn and from it on."""

RESAMPLES = 200


def next_week(world: World, versions: Mapping[str, str], since: date) -> dict[str, Any]:
    """Figures of versions on the shop's moments after a day, as shares of those of the true probabilities."""
    moments = world.moments
    later = moments[moments[EVENT_TIMESTAMP] >= pd.Timestamp(since, tz="UTC") + pd.Timedelta(days=1)]
    rows = _with_truth(later, world.shop)
    target, users = target_of(rows, SPEC.label), pd.factorize(rows["user_pseudo_id"])[0]
    truth = rows[optimum.TRUTH].to_numpy()
    found: dict[str, Any] = {"moments": len(rows), "positives": int(target.sum())}
    for name, version in versions.items():
        read = _loaded(world, version)
        score = read.score(rows)
        best = shares_of_best(Outcomes(target, score, users), truth, read.header.threshold, SPEC.seed)
        found[name] = {
            "version": version,
            "learnt_until": read.header.trained_to,
            "expected_share_of_bayes_roc_auc": asdict(expected_share(rows, score)),
            "shares_of_bayes": {figure: asdict(share) for figure, share in best.items()},
            "expected_positives": float(score.sum()),
        }
    return found


def others(world: World, versions: Mapping[str, str], turn: date) -> dict[str, Any]:
    """The share of the true probabilities' ROC-AUC that versions reach on visitors alike whom the platform never saw.

    They come to a larger shop that turns on the same day in the same way: one week of the shop's own has too few
    pop-ups to tell 0.97 from 0.975. Versions have to read sessions alone, as those that learnt from this shop do.

    Raises:
        KeyError: a version reads more.
    """
    shop = replace(
        world.shop,
        seed=world.shop.seed + 1,
        sessions_per_day=OTHERS_SESSIONS,
        first_day=turn - timedelta(days=OTHERS_DAYS),
        days=2 * OTHERS_DAYS,
    )
    _, answers = rows_of(shop, [day for day in shop.calendar if day >= turn], session_tables())
    rows = _with_truth(answers, shop)
    shares = {name: expected_share(rows, _loaded(world, version).score(rows)) for name, version in versions.items()}
    told = {name: {"version": versions[name], **asdict(share)} for name, share in shares.items()}
    return {"moments": len(rows), "expected_share_of_bayes_roc_auc": told}


def expected_share(rows: pd.DataFrame, score: Scores) -> Interval:
    """What share of the true probabilities' expected ROC-AUC scores have, with its interval over visitors."""
    truth = rows[optimum.TRUTH].to_numpy()

    def share(places: NDArray[np.intp]) -> float:
        return expected_roc_auc(truth[places], score[places]) / expected_roc_auc(truth[places], truth[places])

    drawn = resampled(pd.factorize(rows["user_pseudo_id"])[0], SPEC.seed, RESAMPLES)
    return interval_of(share(np.arange(len(rows))), np.array([share(places) for places in drawn]))


def _with_truth(moments: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """The moments with their true probabilities.

    Raises:
        RuntimeError: the shop knows nothing of some of them.
    """
    rows = moments.merge(optimum.known_moments(shop), on=["user_pseudo_id", EVENT_TIMESTAMP], validate="one_to_one")
    if len(rows) < len(moments):
        raise RuntimeError(f"Of {len(moments):,} moments {len(moments) - len(rows):,} are none of the shop's.")
    return rows


def _loaded(world: World, version: str) -> Bundle:
    return trial.load(world.registry, world.registry.version(SPEC.name, version))
