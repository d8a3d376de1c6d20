"""How near the platform's segments come to the kinds of visitors that a simulated shop has.

    python -m benchmarks.segments [DAYS]

Builds DAYS of the scenario `default`, else its sixty, from the export to the users of the last day, and sets three
groupings of the same users beside the true one by the adjusted Rand index: the platform's segments, K-Means on the
hidden traits themselves, and a classifier of the platform's features that is told the truth about other users, which
says how much of the truth those features hold at all. Writes .tactful/bench/segments.json. The shop is simulated: no
figure is evidence about real visitors.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from feature_repo import contract
from feature_repo.contract import Column, FeatureTable
from feature_repo.offline import History
from ml import segments
from ml.encoding import Encoding
from ml.evaluation import agreement
from ml.specs import USER_SEGMENTS
from simulator.clock import DAYS_OF_WEEK, SECOND, midnights, week_of
from simulator.export import write
from simulator.population import WEEKS_OF_RETURN, Stream, generator
from simulator.scenarios import compose
from simulator.segments import SEGMENTS
from simulator.shop import Shop
from simulator.visits import cohort_visitors
from tactful import home
from tactful.dbt import MANIFEST, ensure_manifest
from tactful.jobs import run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of

REPORT = Path(".tactful") / "bench" / "segments.json"
ASKED = 0.8
TRAITS = ("affinity", "price_sensitivity", "patience", "annoyance")

Groups = NDArray[np.intp]


def users_of(settings: Settings, table: FeatureTable) -> pd.DataFrame:
    """The users whom the platform would group, in the order in which it does, built from the export."""
    home.prepare(settings)
    source = source_of(settings)
    ensure_manifest(settings, source)
    run_job(settings, "features", Plan(source.first, source.last, "benchmark", True), Console(file=sys.stderr))
    users = History.of(settings.home, table).read(source.last, source.last)
    return users.sort_values(table.join_key, ignore_index=True)


def known_users(shop: Shop) -> pd.DataFrame:
    """The segment and the traits of every visitor who may be known on the shop's last day."""
    last = week_of(shop.calendar[-1])
    return pd.concat([_known_users(shop, week) for week in range(last - WEEKS_OF_RETURN, last + 1)], ignore_index=True)


def _known_users(shop: Shop, week: int) -> pd.DataFrame:
    monday = week * DAYS_OF_WEEK + 1
    instants = midnights(shop.time_zone, monday, WEEKS_OF_RETURN * DAYS_OF_WEEK + 1)
    visitors = cohort_visitors(generator(shop, Stream.COHORT, week), shop, instants)
    first_seen = (visitors.first_start_us // SECOND).astype(str)
    return pd.DataFrame(
        {
            "user_pseudo_id": np.char.add(np.char.add(visitors.client.astype(str), "."), first_seen),
            "segment": visitors.segment,
            **{trait: getattr(visitors, trait) for trait in TRAITS},
        }
    )


def by_traits(users: pd.DataFrame, groups: int) -> Groups:
    """K-Means on what no export tells."""
    traits = StandardScaler().fit_transform(users[list(TRAITS)])
    found: Groups = KMeans(groups, n_init=10, random_state=0).fit_predict(traits)
    return found


def told_the_truth(users: pd.DataFrame, features: Sequence[Column]) -> Groups:
    """The segment that features speak for, by a classifier that knows the segments of two thirds of the users."""
    forest = RandomForestClassifier(100, min_samples_leaf=20, random_state=0)
    matrix = np.nan_to_num(Encoding.fit(features, users).transform(users), nan=-1.0)
    guessed: Groups = cross_val_predict(forest, matrix, users["segment"], cv=3)
    return guessed


def measure(folder: Path, shop: Shop) -> dict[str, Any]:
    """Each grouping's agreement with the truth, over all users and over those who came more than once."""
    write(folder / "export", shop)
    settings = Settings(home=folder / "home", export=folder / "export")
    (table,) = (table for table in contract.load(MANIFEST) if table.features_of(USER_SEGMENTS.name))
    users = users_of(settings, table)
    features = table.features_of(USER_SEGMENTS.name)
    day = f"{shop.calendar[-1]}"
    with threadpool_limits(1):
        found, report = segments.fit(USER_SEGMENTS, users, features, day)
        known = users.assign(group=found.groups(users)).merge(known_users(shop), on="user_pseudo_id")
        size = report.size.groups
        often = known[known["visits_so_far"] >= 3]
        return {
            "about": "A simulated shop: no figure says anything about real visitors.",
            "days": shop.days,
            "users": {"grouped": len(users), "known": len(known)},
            "groups": {"found": size, "true": len(SEGMENTS)},
            "asked": ASKED,
            "all": _compared(known, size, table.features),
            "three_visits_or_more": _compared(often, size, table.features),
        }


def _compared(users: pd.DataFrame, groups: int, features: Sequence[Column]) -> dict[str, float]:
    truth = users["segment"].to_numpy()
    found, best = agreement(truth, users["group"].to_numpy()), agreement(truth, by_traits(users, groups))
    told = agreement(truth, told_the_truth(users, features))
    return {
        "users": len(users),
        "adjusted_rand": found,
        "adjusted_rand_by_traits": best,
        "adjusted_rand_told_the_truth": told,
        "share": found / best,
        "share_told_the_truth": told / best,
    }


def main() -> None:
    """Measure, print and write."""
    size = {"days": int(sys.argv[1])} if len(sys.argv) > 1 else {}
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), compose("default", Shop(), **size))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
