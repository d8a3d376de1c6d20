"""Every joined value is what was known at its moment: compared with an oracle that knows no SQL."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from feature_repo import versions
from feature_repo.contract import FEATURE_AT, KNOWN_AT
from feature_repo.offline import MOMENT, History, training_frame
from ml.datasets import features_of
from serving import parity
from serving.parity import ServedParity
from tests.point_in_time.oracle import Lifetimes, Oracle, Session
from tests.point_in_time.platform import MODEL, SERVICE, Platform, Project, compile_project
from tests.point_in_time.shop import (
    FIRST_DAY,
    ZONE,
    Delivery,
    Event,
    Told,
    delivered_at,
    deliveries,
    instant,
    micros,
)
from tests.point_in_time.worlds import DAYS, ROUNDS, worlds

LIFETIMES = Lifetimes(users=timedelta(days=3), activity=timedelta(days=1), profile=timedelta(days=2))
INSTANT = timedelta(microseconds=1)
KEYS = ["user_pseudo_id", "session_key", MOMENT]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compile_project(tmp_path_factory.mktemp("compiled"))


@settings(
    max_examples=3,
    # an example takes seconds, and its differences tell enough
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(told=worlds(users=16))
def test_every_joined_value_is_what_was_known_at_its_moment(
    project: Project, tmp_path_factory: pytest.TempPathFactory, told: list[Told]
) -> None:
    delivered = list(deliveries(told, DAYS, ROUNDS))
    oracle = Oracle(delivered, LIFETIMES)
    store = _platform(tmp_path_factory.mktemp("home"), project, delivered).store()

    joined = training_frame(store, SERVICE, _labels(oracle, told, delivered))

    assert _differences(joined, oracle) == []


@pytest.fixture(scope="module")
def corrected() -> list[Told]:
    """A visit of two acts on each of two days; when both days had come, the first visit was given a third act."""
    noon = datetime.combine(FIRST_DAY, datetime.min.time(), ZONE) + timedelta(hours=12)
    acts = [(0, "page_view"), (1, "view_item"), (24 * 60, "page_view"), (24 * 60 + 1, "view_item"), (2, "add_to_cart")]
    events = [
        Event(number, "u", micros(noon + timedelta(minutes=minutes)), name, session_id=minutes // 60)
        for number, (minutes, name) in enumerate(acts)
    ]
    late_at = delivered_at(FIRST_DAY + timedelta(days=1)) + timedelta(hours=2)
    return [*(Told(event) for event in events[:-1]), Told(events[-1], late_at=late_at)]


@pytest.fixture(scope="module")
def oracle(corrected: list[Told]) -> Oracle:
    return Oracle(_twice(corrected), LIFETIMES)


@pytest.fixture(scope="module")
def platform(project: Project, corrected: list[Told], tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return _platform(tmp_path_factory.mktemp("home"), project, _twice(corrected))


def _twice(corrected: list[Told]) -> list[Delivery]:
    return list(deliveries(corrected, 2, [told.late_at for told in corrected if told.late_at]))


def test_the_oracle_agrees_about_a_corrected_visit(platform: Platform, oracle: Oracle, corrected: list[Told]) -> None:
    labels = _labels(oracle, corrected, _twice(corrected))

    assert _differences(training_frame(platform.store(), SERVICE, labels), oracle) == []


@pytest.mark.parametrize("clock", [FEATURE_AT, KNOWN_AT])
def test_the_oracle_objects_to_a_single_clock(
    platform: Platform, oracle: Oracle, corrected: list[Told], clock: str
) -> None:
    labels = _labels(oracle, corrected, _twice(corrected))

    assert _differences(training_frame(platform.store(clock, ""), SERVICE, labels), oracle)


@settings(
    max_examples=2, phases=[Phase.generate], deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(told=worlds(users=16))
def test_what_would_have_been_served_is_what_models_learn_of(
    project: Project, tmp_path_factory: pytest.TempPathFactory, told: list[Told]
) -> None:
    platform = _platform(tmp_path_factory.mktemp("home"), project, list(deliveries(told, DAYS, ROUNDS)))

    found = _served_parity(platform, platform.query("from int_events_sessionized"))

    assert found.examples == ()
    assert found.rows > 0


def test_what_would_have_been_served_otherwise_is_named(platform: Platform) -> None:
    events = platform.query("from int_events_sessionized")
    assert _served_parity(platform, events).different == 0

    # the service hears nothing of carts
    deaf = _served_parity(platform, events[events["event_name"] != "view_item"])
    assert deaf.different > 0
    assert all("view" in name or name.startswith(("acts", "seconds")) for name in deaf.features)


def _served_parity(platform: Platform, events: pd.DataFrame) -> ServedParity:
    """As the check of the same name, of all days at once: of moments of which it is known what the service heard."""
    features = features_of(platform.project.tables, MODEL)
    moments = platform.query(
        "select session_key, user_pseudo_id, feature_at as event_timestamp from fct_session_activity "
        "where known_at <= feature_at order by all"
    )
    with duckdb.connect() as connection:
        connection.register("moments", moments.assign(place=range(len(moments))))
        known = {
            table.view: connection.execute(
                versions.known_then(History.of(platform.home, table).all_versions, "from moments", table)
            ).df()
            for table in platform.project.tables
        }
        (activity,) = (table for table in platform.project.tables if table.view == "session_activity")
        counted = versions.counted(History.of(platform.home, activity).all_versions, "from moments", activity)
        is_once = np.array([count == 1 for (count,) in connection.execute(counted).fetchall()])
    # what was corrected since was heard otherwise, and of two acts at once either may be heard first
    all_events = platform.query("from int_events_sessionized")
    was_heard = (
        is_once
        & (known[activity.view][FEATURE_AT] == moments[MOMENT]).to_numpy()
        & parity.is_alone(moments, all_events)
    )
    moments = moments[was_heard].reset_index(drop=True)
    known = {view: rows[was_heard].reset_index(drop=True) for view, rows in known.items()}
    profile = known["session_profile"][FEATURE_AT]
    assert not (moments[MOMENT] - profile > LIFETIMES.profile).any()
    offline = training_frame(platform.store(), SERVICE, moments.assign(place=range(len(moments))))
    served = parity.serve(features, moments, events, known)
    return parity.compare(features, served, offline.sort_values("place"))


def test_the_oracle_objects_to_feast_s_own_join(platform: Platform, oracle: Oracle, corrected: list[Told]) -> None:
    """Unless it is told otherwise, Feast gives a row out before it was known."""
    labels = _labels(oracle, corrected, _twice(corrected))
    store = platform.store()
    joined = store.get_historical_features(labels, store.get_feature_service(SERVICE)).to_df()

    assert _differences(joined, oracle)


def _platform(home: Path, project: Project, delivered: Sequence[Delivery]) -> Platform:
    platform = Platform(home, project)
    for at, files in delivered:
        platform.take(files, at)
    return platform


def _labels(oracle: Oracle, told: Sequence[Told], delivered: Sequence[Delivery]) -> pd.DataFrame:
    """Each session at moments around everything its user did, and around every delivery."""
    rows = [
        (session.user, session.key, moment)
        for session in oracle.sessions
        for moment in sorted(set(_moments(session.user, told, delivered)))
        if not _is_running_out(session, moment)
    ]
    labels = pd.DataFrame(rows, columns=KEYS)
    return labels.assign(**{MOMENT: pd.to_datetime(labels[MOMENT]).dt.tz_localize(None).astype("datetime64[us]")})


def _moments(user: str, told: Sequence[Told], delivered: Sequence[Delivery]) -> Iterator[datetime]:
    for event in (event_told.event for event_told in told if event_told.event.user == user):
        for after in (-INSTANT, timedelta(), timedelta(seconds=90), timedelta(hours=2)):
            yield instant(event.at) + after
    for at, _ in delivered:
        for after in (-INSTANT, timedelta(), timedelta(minutes=50)):
            yield at + after


def _is_running_out(session: Session, moment: datetime) -> bool:
    """Whether some moments of a session are too old to be looked up, and others not.

    What stands in for a retracted moment lives as long as that moment, and not as the earlier one that it repeats.
    """
    lifetimes = (LIFETIMES.activity, LIFETIMES.profile)
    return any(session.first_at < moment - lifetime <= session.last_at for lifetime in lifetimes)


def _differences(joined: pd.DataFrame, oracle: Oracle) -> list[str]:
    names = [name for name in joined.columns if name not in (*KEYS, FEATURE_AT, KNOWN_AT)]
    found = []
    for row in joined.to_dict("records"):
        user, session, moment = (row[key] for key in KEYS)
        known = oracle.known(user, session, moment.to_pydatetime())
        assert known.keys() <= set(names)
        found += [
            f"{session} at {moment}: {name} is {row[name]}, known was {known.get(name)}"
            for name in names
            if not _is_same(row[name], known.get(name))
        ]
    return found


def _is_same(joined: Any, known: Any) -> bool:
    if known is None or pd.isna(joined):
        return known is None and bool(pd.isna(joined))
    if isinstance(known, str):
        return bool(joined == known)
    return math.isclose(float(joined), float(known), rel_tol=1e-9)
