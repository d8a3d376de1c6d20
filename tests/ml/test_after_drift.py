"""A drift of levels: everybody answers half as often from a day on, and who answers is told as before."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.after_drift import SINCE, split_since, usual_days
from ml.datasets import columns_of, split_by_time
from ml.specs import POPUP_PROFILE
from ml.terms import DRIFTED_ON
from ml.training import fit
from ml.versions import ChampionVersion

FIRST, TURN, DAYS = date(2026, 1, 1), date(2026, 2, 12), 54
ROWS = 100
BEFORE, AFTER = 0.4, 0.1


def _shop(days: int = DAYS, rows: int = ROWS) -> pd.DataFrame:
    """Rows of each day; those with more pages answer more often, and all less often from the turn on."""
    rng = np.random.default_rng(7)
    day = np.repeat(np.arange(days), rows)
    pages = rng.integers(1, 9, len(day))
    rate = np.where(day < (TURN - FIRST).days, BEFORE, AFTER) * (0.5 + pages / 9)
    return pd.DataFrame(
        {
            "event_timestamp": pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(day, unit="D"),
            "user_pseudo_id": np.arange(len(day)).astype(str),
            "pages": pages,
            "converts": rng.random(len(day)) < rate,
        }
    )


def _midnight(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


@given(st.dates(FIRST, FIRST + timedelta(days=DAYS + 5)))
def test_the_newer_half_of_the_days_since_tests_and_a_fifth_of_all_at_most(drifted_on: date) -> None:
    frame = _shop(rows=12)
    spec, split = split_since(POPUP_PROFILE, frame, _midnight(drifted_on))
    usual = split_by_time(frame, POPUP_PROFILE.horizon)
    assert split.cutoff >= usual.cutoff
    assert len(split.train) + len(split.test) + split.purged == len(frame)
    if spec.current is None:
        assert spec == POPUP_PROFILE
        assert split.cutoff == usual.cutoff
        return
    since = split.train[SINCE]
    days_since = (FIRST + timedelta(days=DAYS) - drifted_on).days
    tested = (pd.Timestamp(FIRST, tz="UTC") + timedelta(days=DAYS) - split.cutoff).days
    assert tested == min((days_since + 1) // 2, 11)
    assert min(split.train.loc[since, "converts"].sum(), (~split.train.loc[since, "converts"]).sum()) >= 25
    assert (split.train.loc[since, "event_timestamp"].dt.date >= drifted_on).all()


def test_without_a_drift_the_last_fifth_tests() -> None:
    frame = _shop(rows=12)
    spec, split = split_since(POPUP_PROFILE, frame, None)
    assert spec is POPUP_PROFILE
    assert split.cutoff == split_by_time(frame, spec.horizon).cutoff


@pytest.mark.parametrize("drifted_on", [FIRST + timedelta(days=DAYS - 1), FIRST + timedelta(days=DAYS + 1)])
def test_where_too_few_answers_since_are_left_to_learn_from_it_is_as_ever(drifted_on: date) -> None:
    spec, split = split_since(POPUP_PROFILE, _shop(), _midnight(drifted_on))
    assert spec is POPUP_PROFILE
    assert SINCE not in split.train


@pytest.mark.parametrize(
    ("trained_to", "drifted_on", "usual"),
    [
        (date(2026, 2, 1), None, (FIRST, date(2026, 2, 1))),
        (date(2026, 2, 20), TURN, (TURN, date(2026, 2, 20))),
        (date(2026, 2, 20), date(2025, 12, 24), (FIRST, date(2026, 2, 20))),
    ],
)
def test_what_is_usual_begins_with_the_drift(
    trained_to: date, drifted_on: date | None, usual: tuple[date, date]
) -> None:
    tags = {"trained_from": f"{FIRST}", "trained_to": f"{trained_to}"}
    knew = {DRIFTED_ON: f"{drifted_on}"} if drifted_on else {}
    assert usual_days(ChampionVersion("popup", "3", "c0ffee", "run", {**tags, **knew})) == usual
    assert usual_days(None) is None


def test_probabilities_and_threshold_are_those_of_the_days_since() -> None:
    features = columns_of(_shop()[["pages"]])
    spec, split = split_since(POPUP_PROFILE, _shop(), _midnight(TURN))
    since, ever = (fit(asked, split.train, features) for asked in (spec, POPUP_PROFILE))
    assert since.score(split.test).mean() == pytest.approx(AFTER, rel=0.2)
    assert ever.score(split.test).mean() > 2 * AFTER
    assert np.mean(since.score(split.test) >= since.threshold) <= 0.55
