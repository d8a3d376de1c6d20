"""A simulated shop's sessions as feature rows at their exit, and its pop-ups with their answers, by a short road.

The shop's visits are counted up without an export, a landing and a warehouse, which take some thirty times as long.
Features follow the contract's rules, and channels dbt's own macro; `tests/benchmarks/test_session_rows.py` holds acts
to the service's accumulator, which is held to the warehouse.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
from jinja2 import Environment
from numpy.typing import NDArray

from feature_repo.contract import ActivityRule, FeatureTable
from ml.datasets import EVENT_TIMESTAMP
from ml.watched import DAY, USER
from simulator.clock import SECOND, midnights
from simulator.columns import Flags, Ints
from simulator.devices import DEVICES
from simulator.events import NAMES, Events, events_of
from simulator.places import PLACES, UNKNOWN
from simulator.population import Population
from simulator.records import user_ids
from simulator.shop import Shop
from simulator.traffic import CHANNELS
from simulator.visits import Sessions
from tactful.dbt import DBT_PROJECT

CONVERTS = "converts"
FIVE_MINUTES = 300 * SECOND


def rows_of(shop: Shop, days: Sequence[date], tables: tuple[FeatureTable, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a session that begins on the days, and one a pop-up, by the names of the session's features."""
    rules = {column.name: column.rule for table in tables for column in table.columns if column.rule}
    population, channels = Population(shop), _channels()
    sessions, answers = [], []
    for day in days:
        begins, ends = midnights(shop.time_zone, day.toordinal(), 2)
        visits = population.visits_on(day)
        of = visits.sessions
        visits = visits.take(np.flatnonzero((of.client > 0) & (of.start_us >= begins) & (of.start_us < ends)))
        acts = _acts(events_of(visits))
        profile = _profile(visits.sessions, channels, ZoneInfo(shop.time_zone)).assign(**{DAY: day})
        sessions.append(profile.assign(**_activity(rules, acts, len(profile))))
        steps = visits.steps.take(np.flatnonzero(visits.steps.at_exit))
        left_us = np.zeros(len(profile), dtype=np.int64)
        left_us[steps.session] = steps.leave_us
        before = acts.take(np.flatnonzero(acts.at_us < left_us[acts.session]))
        answer = profile.assign(**_activity(rules, before, len(profile)), **{CONVERTS: visits.sessions.has_converted})
        answer[EVENT_TIMESTAMP] = pd.to_datetime(left_us, unit="us", utc=True)
        answers.append(answer.iloc[np.unique(steps.session)])
    return pd.concat(sessions, ignore_index=True), pd.concat(answers, ignore_index=True)


def _acts(events: Events) -> Events:
    """What visitors did, in the order of sessions and times."""
    is_act = np.array([not name.startswith("popup_") for name in NAMES])[events.name]
    return events.take(np.flatnonzero(is_act))


def _activity(rules: Mapping[str, ActivityRule], acts: Events, sessions: int) -> dict[str, NDArray[Any]]:
    """The values of rules for each session, as of the last of its acts."""
    last_us = np.zeros(sessions, dtype=np.int64)
    np.maximum.at(last_us, acts.session, acts.at_us)
    return {name: _value(rule, acts, _is_of(rule, acts), last_us) for name, rule in rules.items()}


def _is_of(rule: ActivityRule, acts: Events) -> Flags:
    return np.ones(len(acts.name), dtype=bool) if rule.event == "*" else acts.name == NAMES.index(rule.event)


def _value(rule: ActivityRule, acts: Events, is_of: Flags, last_us: Ints) -> NDArray[Any]:
    session, at_us = acts.session[is_of], acts.at_us[is_of]
    match rule.aggregation:
        case "occurred":
            return np.bincount(session, minlength=len(last_us)) > 0
        case "count":
            return np.bincount(session, minlength=len(last_us))
        case "count_5m":
            return np.bincount(session[at_us > last_us[session] - FIVE_MINUTES], minlength=len(last_us))
        case "seconds_since":
            newest = np.full(len(last_us), -1, dtype=np.int64)
            np.maximum.at(newest, session, at_us)
            return np.where(newest >= 0, (last_us - newest) / SECOND, np.nan)


def _profile(sessions: Sessions, channels: NDArray[np.object_], zone: ZoneInfo) -> pd.DataFrame:
    began = pd.to_datetime(pd.Series(sessions.start_us), unit="us", utc=True).dt.tz_convert(zone)
    return pd.DataFrame(
        {
            USER: user_ids(sessions).to_pylist(),
            **{name: told[sessions.device] for name, told in _DEVICES.items()},
            **{name: told[sessions.place] for name, told in _PLACES.items()},
            "channel": channels[sessions.channel, sessions.first_channel],
            "day_of_week": began.dt.dayofweek + 1,
            "hour_of_day": began.dt.hour,
            "session_number": sessions.number,
        }
    )


def _told(words: Sequence[str]) -> NDArray[np.object_]:
    return np.array([None if word in (UNKNOWN, "<Other>") else word for word in words], dtype=object)


_DEVICES = {
    "device_category": _told([device.category for device in DEVICES]),
    "operating_system": _told([device.operating_system for device in DEVICES]),
    "browser": _told([device.browser for device in DEVICES]),
}
_PLACES = {
    "country": _told([place.country.name for place in PLACES]),
    "region": _told([place.region for place in PLACES]),
    "city": _told([place.city for place in PLACES]),
}


def _channels() -> NDArray[np.object_]:
    """The channel group of each channel and the one that its visitor first came by, as dbt's macro names it."""
    macros = (DBT_PROJECT / "macros" / "ga4" / "channels.sql").read_text()
    sql = Environment(autoescape=True).from_string(macros + "{{ channel('source', 'medium') }}").render()
    told = [tuple(None if word == UNKNOWN else word for word in (one.source, one.medium)) for one in CHANNELS]
    pairs = [(own[0] or first[0], own[1] or first[1]) for own in told for first in told]
    groups = [
        duckdb.execute(f"select {sql} from (select ? as source, ? as medium)", pair).fetchall()[0][0] for pair in pairs
    ]
    return np.array(groups, dtype=object).reshape(len(CHANNELS), len(CHANNELS))
