"""The truth of a shop, by decision moment: what each action would have done, which no export tells.

It lies in a folder of its own, marked so that the platform refuses to be pointed at it, and nothing that learns or
decides may import this module.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.actions import ACTIONS, NOTHING
from simulator.changes import Drift, Season
from simulator.columns import Flags, Floats, Ints
from simulator.effects import Answer
from simulator.nested import pick
from simulator.parameters import decision_ids
from simulator.population import Population
from simulator.records import user_ids
from simulator.returns import return_probability
from simulator.segments import SEGMENTS
from simulator.shop import Shop
from simulator.stages import STAGES
from simulator.visits import Sessions
from tactful.settings import TRUTH_MARK


@dataclass(frozen=True)
class Truth:
    """Decision moments, one a row; the matrices have a column for each of ACTIONS.

    `converts` is P(convert | action), `leaves` P(leave at once | action), `is_lost` P(never come back | action): not
    even after the population.WEEKS_OF_RETURN weeks in which the simulated world itself forgets its visitors.
    """

    decision_id: pa.StringArray
    user_pseudo_id: pa.StringArray
    at_us: Ints
    stage: Ints
    segment: Ints
    action: Ints
    propensity: Floats
    has_converted: Flags
    converts: Floats
    leaves: Floats
    is_lost: Floats

    def __len__(self) -> int:
        return len(self.at_us)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        columns = {name: [getattr(part, name) for part in parts] for name in cls.__dataclass_fields__}
        return cls(
            **{
                name: pa.concat_arrays(arrays) if name.endswith("_id") else np.concatenate(arrays)
                for name, arrays in columns.items()
            }
        )

    def uplift(self, action: int) -> Floats:
        """What an action adds to the probability of converting."""
        return self.converts[:, action] - self.converts[:, NOTHING]

    def table(self) -> pa.Table:
        """One row a moment, as it is written."""
        columns = {
            "decision_id": self.decision_id,
            "user_pseudo_id": self.user_pseudo_id,
            "at_us": self.at_us,
            "stage": pick(STAGES, self.stage),
            "segment": pick([segment.name for segment in SEGMENTS], self.segment),
            "action": pick([action.name for action in ACTIONS], self.action),
            "propensity": self.propensity,
            "has_converted": self.has_converted,
        }
        for name in ("converts", "leaves", "is_lost"):
            matrix = getattr(self, name)
            columns |= {f"{name}_{action.name}": matrix[:, code] for code, action in enumerate(ACTIONS)}
        return pa.table(columns)


def on_day(population: Population, day: date) -> Truth:
    """The decision moments of a day."""
    sessions, visits, exits = population.exits_on(day)
    return _of(population.shop, sessions, visits.steps.leave_us[exits])


def of(shop: Shop) -> Truth:
    """The decision moments of all of a shop's days."""
    population = Population(shop)
    return Truth.concatenate([on_day(population, day) for day in shop.calendar])


def write(folder: Path, shop: Shop) -> Truth:
    """Write a shop's truth in place of another one's: a file of moments a day, and when the shop changes."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / TRUTH_MARK
    if mark.exists():
        for older in folder.glob("moments_*.parquet"):
            older.unlink()
    mark.write_text("What would have happened. Nothing that learns or decides may read it.\n")
    population, days = Population(shop), []
    for day in shop.calendar:
        days.append(on_day(population, day))
        pq.write_table(days[-1].table(), folder / f"moments_{day:%Y%m%d}.parquet", compression="zstd")
    (folder / "changes.json").write_text(json.dumps(changes(shop), indent=1))
    return Truth.concatenate(days)


def changes(shop: Shop) -> list[dict[str, str | float]]:
    """When a shop changes: its drifts, its seasons as often as they come in its days, and its relabelling."""
    listed: list[dict[str, str | float]] = []
    for change in shop.changes:
        if isinstance(change, Drift):
            begins = change.begins.isoformat()
            listed.append({"kind": "drift", "name": change.name, "begins": begins, "ramp_days": change.ramp_days})
        else:
            listed += [
                {"kind": "season", "name": change.name, "begins": first.isoformat(), "ends": last.isoformat()}
                for first, last in _spells(change, shop.calendar)
            ]
    if shop.relabels:
        listed.append({"kind": "relabelling", "name": "channel", "begins": shop.relabels.isoformat()})
    return listed


def _spells(season: Season, calendar: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The first and the last day of each time that a season comes in a calendar."""
    at_us = np.array(calendar, "datetime64[D]").astype("datetime64[us]").astype(np.int64)
    edges = np.diff(season.level(at_us), prepend=0, append=0)
    for first, after in zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True):
        yield calendar[first], calendar[after - 1]


def _of(shop: Shop, sessions: Sessions, at_us: Ints) -> Truth:
    converts = shop.effects.converts(sessions.latent, sessions.response)
    back = [
        return_probability(shop.returns, sessions.loyalty, sessions.latent, np.full(len(sessions), answer))
        for answer in (Answer.NOT_SHOWN, Answer.CLOSED, Answer.SUBMITTED)
    ]
    not_shown, closed, submitted = (probability[:, None] for probability in back)
    is_back = np.where(np.arange(len(ACTIONS)) == NOTHING, not_shown, converts * submitted + (1 - converts) * closed)
    return Truth(
        decision_id=decision_ids(sessions),
        user_pseudo_id=user_ids(sessions),
        at_us=at_us,
        stage=sessions.stage,
        segment=sessions.segment,
        action=sessions.action,
        propensity=sessions.propensity,
        has_converted=sessions.has_converted,
        converts=converts,
        leaves=shop.effects.leaves(sessions.latent),
        is_lost=1 - is_back,
    )
