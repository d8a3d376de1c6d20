"""How near pop-up models come to the best there could be, where the shop is made up and so its truth is known.

What learns and decides can't import that truth; this looks at versions once they are registered.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ga4_export.privacy import pseudonym
from ml import bundle
from ml.best import COMPARED, shares_of_best
from ml.comparison import after_all
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import Outcomes, target_of
from ml.intervals import UNDEFINED, Interval, bounds
from ml.registry import Registry
from ml.specs import MODELS, ModelSpec
from simulator import truth
from simulator.actions import POP_UP
from simulator.scenarios import settings_shop
from simulator.shop import Shop
from tactful.settings import Settings
from tactful.source import Source

Shares = Mapping[str, Interval]
"""By the name of the figure."""

KNOWN_EVENT = "popup_submit"
"""The conversion whose true probability the shop knows."""

TRUTH = "converts_by_truth"
"""The column of the probability with which a visitor answers the pop-up."""


def judge(settings: Settings, source: Source, models: Mapping[str, Mapping[str, Any]]) -> dict[str, Shares]:
    """What share of the best figures each version of a run's summary reaches on its test days, put on its card.

    Nothing is judged where the truth is not known: visitors are real, another shop's, or convert by another event.
    """
    judged = [spec for spec in MODELS if spec.decides and "version" in models.get(spec.name, {})]
    if source.kind != "own" or settings.conversion_event != KNOWN_EVENT or not judged:
        return {}
    registry, moments = Registry.of(settings), _as_stored(known_moments(settings_shop(settings)), settings)
    found = {}
    for spec in judged:
        version = models[spec.name]
        rows = pd.read_parquet(settings.home / "training_sets" / f"{spec.name}.parquet")
        found[spec.name] = shares(spec, registry, version, rows, moments)
        registry.add_evidence(spec.name, version["version"], as_metrics(found[spec.name]), _section(found[spec.name]))
    return found


def known_moments(shop: Shop) -> pd.DataFrame:
    """The truth of the moments at which the pop-up was shown, by the visitor and the instant."""
    known = truth.of(shop)
    shown = known.action == POP_UP
    return pd.DataFrame(
        {
            "user_pseudo_id": known.user_pseudo_id.to_numpy(zero_copy_only=False)[shown],
            EVENT_TIMESTAMP: pd.to_datetime(known.at_us[shown], unit="us", utc=True),
            TRUTH: known.converts[shown, POP_UP],
        }
    )


def shares(
    spec: ModelSpec, registry: Registry, version: Mapping[str, Any], rows: pd.DataFrame, moments: pd.DataFrame
) -> Shares:
    """Figures of a version on the test days of its training set, as shares of those of the truth there."""
    keys = ["user_pseudo_id", EVENT_TIMESTAMP]
    with TemporaryDirectory() as folder:
        read = bundle.read(registry.download_bundle(spec.name, version["version"], Path(folder)), version["digest"])
    unseen = rows[rows[EVENT_TIMESTAMP] >= after_all(read)]
    test = unseen.merge(moments, on=keys, validate="one_to_one")
    if test.empty:
        return dict.fromkeys(COMPARED, UNDEFINED)
    outcomes = Outcomes(target_of(test, spec.label), read.score(test), pd.factorize(test["user_pseudo_id"])[0])
    return shares_of_best(outcomes, test[TRUTH].to_numpy(), read.header.threshold, spec.seed)


def as_metrics(found: Shares) -> dict[str, float]:
    """Shares with their bounds, as figures of a run; what is not defined is left out."""
    return bounds({f"share_of_bayes_{name}": share for name, share in found.items()})


def _as_stored(moments: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    key = settings.pseudonym_key
    if key is None:
        return moments
    secret = key.get_secret_value()
    return moments.assign(user_pseudo_id=[pseudonym(secret, user) for user in moments["user_pseudo_id"]])


def _section(found: Shares) -> str:
    rows = "\n".join(f"| {name.replace('_', ' ')} | {share} |" for name, share in found.items())
    return (
        "## Against the truth\n\nThe shop is made up, and each visitor's true probability is known. On the test days "
        "this version reaches these shares of what the truth itself has, recall with as many pop-ups shown:\n\n"
        f"| figure | share of the best, 95 % interval |\n|---|---|\n{rows}"
    )
