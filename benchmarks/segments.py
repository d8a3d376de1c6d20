"""How near the platform's segments come to the kinds of visitors of simulated shops, and whether they keep theirs.

    python -m benchmarks.segments [SCENARIO [DAYS]]

Builds the shops of WORLDS, or one SCENARIO of DAYS, from the export to the users of the last day, and sets three
groupings of the same users beside the true one by the adjusted Rand index: the platform's segments, K-Means on the
hidden traits themselves, and a classifier of the platform's features that is told the truth about other users, which
says how much of the truth those features hold at all. In a world of many weeks the users are grouped anew each week,
as the platform does it. Writes .tactful/bench/segments.json. The shops are simulated: no figure is evidence about real
visitors.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
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
from feature_repo.contract import Column
from feature_repo.offline import History
from ml import gate, segments
from ml.encoding import Encoding
from ml.evaluation import agreement
from ml.segments import Predecessor
from ml.specs import USER_SEGMENTS
from simulator.clock import DAYS_OF_WEEK, SECOND, midnights, week_of
from simulator.export import write
from simulator.population import WEEKS_OF_RETURN, Stream, generator
from simulator.scenarios import compose
from simulator.segments import TRAITS
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

Groups = NDArray[np.intp]


@dataclass(frozen=True)
class World:
    """A scenario, what is stated of its shop, and on how many of its last Mondays users are grouped anew."""

    scenario: str
    stated: Mapping[str, Any] = field(default_factory=dict)
    mondays: int = 0


WORLDS = (World("default"), World("clear_kinds", {"days": 24 * DAYS_OF_WEEK, "sessions_per_day": 300}, mondays=20))


def history_of(settings: Settings) -> History:
    """The features of users on all days of the export."""
    home.prepare(settings)
    source = source_of(settings)
    ensure_manifest(settings, source)
    (table,) = (table for table in contract.load(MANIFEST) if table.features_of(USER_SEGMENTS.name))
    run_job(settings, "features", Plan(source.first, source.last, "benchmark", True), Console(file=sys.stderr))
    return History.of(settings.home, table)


def users_of(history: History, day: date) -> pd.DataFrame:
    """The users whom the platform would group after a day, in the order in which it does."""
    return history.read(day, day).sort_values(history.table.join_key, ignore_index=True)


def known_users(shop: Shop) -> pd.DataFrame:
    """The segment and the traits of every visitor who may be known on a day of the shop."""
    first, last = week_of(shop.calendar[0]), week_of(shop.calendar[-1])
    weeks = range(first - WEEKS_OF_RETURN, last + 1)
    return pd.concat([_known_users(shop, week) for week in weeks], ignore_index=True)


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


def measure(folder: Path, world: World) -> dict[str, Any]:
    """Each grouping's agreement with the truth in a world, and what became of its segments from week to week."""
    shop = compose(world.scenario, Shop(), **world.stated)
    write(folder / "export", shop)
    settings = Settings(home=folder / "home", export=folder / "export")
    history, truth = history_of(settings), known_users(shop)
    with threadpool_limits(1):
        figures = _on_last_day(shop, history, truth)
        if world.mondays:
            sundays = [day for day in shop.calendar if day.weekday() == DAYS_OF_WEEK - 1]
            figures["weeks"] = _week_by_week(history, truth, sundays[-world.mondays :])
    return figures


def _on_last_day(shop: Shop, history: History, truth: pd.DataFrame) -> dict[str, Any]:
    """Over all users and over those who came more than once."""
    day, features = shop.calendar[-1], history.table.features_of(USER_SEGMENTS.name)
    users = users_of(history, day)
    found, report = segments.fit(USER_SEGMENTS, users, features, f"{day}")
    known = users.assign(group=found.groups(users)).merge(truth, on=history.table.join_key)
    often = known[known["visits_so_far"] >= 3]
    return {
        "days": shop.days,
        "sessions_per_day": shop.sessions_per_day,
        "users": {"grouped": len(users), "known": len(known)},
        "groups": {"found": report.size.groups, "true": len(shop.arrivals.segments)},
        "all": _compared(known, len(shop.arrivals.segments), history.table.features),
        "three_visits_or_more": _compared(often, len(shop.arrivals.segments), history.table.features),
    }


def _week_by_week(history: History, truth: pd.DataFrame, sundays: Sequence[date]) -> dict[str, Any]:
    """Groupings of the mornings after, each following the one before; an id swaps if most of its users are others."""
    predecessor = Predecessor()
    kinds: list[dict[str, int]] = []
    agreements, refused = [], 0
    for sunday in sundays:
        users = users_of(history, sunday)
        features = history.table.features_of(USER_SEGMENTS.name)
        found, report = segments.fit(USER_SEGMENTS, users, features, f"{sunday + timedelta(1)}", predecessor)
        refused += not gate.judge_segments(report, 1.0, has_followers=bool(kinds)).is_passed
        ids = [identity.id for identity in found.assign(users)]
        known = users.assign(id=ids).merge(truth, on=history.table.join_key)
        kinds.append({f"{name}": int(kind.mode()[0]) for name, kind in known.groupby("id")["segment"]})
        agreements.append(agreement(known["segment"].to_numpy(), known["id"].to_numpy()))
        predecessor = Predecessor(found, report.continuity.ids_given)
    kept = [(before[name], now[name]) for before, now in pairwise(kinds) for name in before.keys() & now.keys()]
    return {
        "clusterings": len(kinds),
        "refused": refused,
        "ids": {
            "kept": len(kept),
            "ended": sum(len(before.keys() - now.keys()) for before, now in pairwise(kinds)),
            "begun": sum(len(now.keys() - before.keys()) for before, now in pairwise(kinds)),
        },
        "silent_swaps": sum(before != now for before, now in kept),
        "adjusted_rand": {"least": min(agreements), "mean": float(np.mean(agreements))},
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


def _asked_for(scenario: str, days: str | None = None) -> tuple[World, ...]:
    world = next((world for world in WORLDS if world.scenario == scenario), World(scenario))
    return (replace(world, stated={**world.stated, "days": int(days)}) if days else world,)


def main() -> None:
    """Measure, print and write."""
    worlds = _asked_for(*sys.argv[1:]) if sys.argv[1:] else WORLDS
    figures: dict[str, Any] = {"about": "Simulated shops: no figure says anything about real visitors.", "asked": ASKED}
    for world in worlds:
        with tempfile.TemporaryDirectory() as folder:
            figures[world.scenario] = measure(Path(folder), world)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
