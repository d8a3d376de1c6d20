from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.bundle import Bundle
from ml.shadow import LEAST_DECISIONS, Decided, decided, shadow
from tests.ml import rivals
from tests.ml.conftest import HEADER

SHOP = rivals.shop(300)
NEWEST = Decided("training rows", SHOP)


def _at(version: Bundle, threshold: float) -> Bundle:
    return replace(version, header=replace(HEADER, threshold=threshold))


@settings(max_examples=30, deadline=None)
@given(old=st.floats(0, 1), new=st.floats(0, 1), first=st.integers(0, 280), business=st.none() | st.floats(0, 1))
def test_no_decision_of_the_champion_changes(old: float, new: float, first: int, business: float | None) -> None:
    champion, challenger = (_at(version, own) for version, own in ((rivals.good(), old), (rivals.bad(), new)))
    decisions = SHOP[first : first + 20].copy()
    before = champion.score(decisions)

    tried = Decided("decisions", decisions)
    report = shadow(challenger.showing_from(business), champion.showing_from(business), tried)

    np.testing.assert_array_equal(champion.score(decisions), before)
    pd.testing.assert_frame_equal(decisions, SHOP[first : first + 20])
    assert report.champion_share == np.mean(before >= (old if business is None else business))


def test_a_version_agrees_with_itself_on_every_decision() -> None:
    report = shadow(rivals.good(), rivals.good(), NEWEST)

    assert (report.rows, report.failed, report.agreement) == (300, 0, 1.0)
    assert report.challenger_share == report.champion_share
    assert list(report.quantiles) == ["0%", "25%", "50%", "75%", "100%"]
    assert list(report.quantiles.values()) == sorted(report.quantiles.values())


def test_rows_that_break_or_get_no_probability_are_counted_as_failed() -> None:
    odd = SHOP.head(5).copy().astype({"minutes": object})
    odd.loc[odd.index[1], "minutes"] = "many"
    assert shadow(rivals.good(), None, Decided("decisions", odd)).failed == 1

    good = rivals.good()
    lost = replace(good, calibration=replace(good.calibration, intercept=float("nan")))
    report = shadow(lost, None, NEWEST)
    assert (report.failed, report.challenger_share, report.quantiles) == (300, 0.0, {})


def test_without_a_champion_there_is_nobody_to_agree_with() -> None:
    report = shadow(rivals.good(), None, NEWEST)
    assert (report.champion_share, report.agreement) == (None, None)
    assert report.told == f"it shows {report.challenger_share:.0%}"


def test_the_decisions_on_record_are_tried_if_there_are_enough_of_them_that_hold_what_is_read() -> None:
    features = {feature.name for feature in rivals.good().features}
    row = {name: SHOP.iloc[0][name] for name in features}
    older = {name: value for name, value in row.items() if name != "minutes"}
    logged = [{**row, "minutes": minutes} for minutes in (None, *range(LEAST_DECISIONS - 1))]

    tried = decided([*logged, older], SHOP, features)

    assert (tried.kind, len(tried.rows)) == ("decisions on record", LEAST_DECISIONS)
    scores = [shadow(rivals.good(), None, Decided("one", tried.rows[at : at + 1])).quantiles["50%"] for at in (0, 9)]
    assert scores == rivals.good().score_rows([logged[0], logged[9]]).tolist()
    assert decided([*logged[1:], older], SHOP, features).kind == "training rows"


def test_without_them_it_is_the_training_rows_of_seven_days() -> None:
    tried = decided([], SHOP, set())

    moments = tried.rows["event_timestamp"]
    assert moments.max() == SHOP["event_timestamp"].max()
    assert pd.Timedelta(days=6) < moments.max() - moments.min() < pd.Timedelta(days=7)
    assert len(moments) == pytest.approx(300 * 7 / 30, rel=0.4)
