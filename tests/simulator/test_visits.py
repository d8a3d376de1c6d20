import numpy as np
import pytest

from simulator.actions import POP_UP
from simulator.effects import Answer
from simulator.population import Population
from simulator.shop import Shop
from simulator.site import Page
from simulator.visits import Visits


@pytest.fixture(scope="module")
def visits() -> Visits:
    shop = Shop(sessions_per_day=5_000, days=1)
    return Population(shop).visits_on(shop.first_day)


def test_a_visitors_next_session_begins_after_half_an_hour_of_silence(visits: Visits) -> None:
    sessions = visits.sessions
    order = np.lexsort((sessions.start_us, sessions.client))
    same = np.diff(sessions.client[order]) == 0
    silence = sessions.start_us[order][1:] - sessions.end_us[order][:-1]
    assert same.sum() > 50
    assert silence[same].min() >= 30 * 60 * 1_000_000


def test_the_pop_up_is_submitted_as_often_as_the_truth_says(visits: Visits) -> None:
    shown = visits.sessions.answer != Answer.NOT_SHOWN
    sessions = visits.sessions.take(shown)
    expected = Shop().effects.converts(sessions.latent, sessions.response)[:, POP_UP]
    submitted = (visits.sessions.answer == Answer.SUBMITTED).sum()
    assert abs(submitted - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())


def test_visitors_who_come_again_buy_more_often(visits: Visits) -> None:
    number = visits.sessions.number
    bought = np.bincount(visits.steps.session, visits.steps.page == Page.THANKS, len(number)) > 0
    assert bought[number > 1].mean() > 1.5 * bought[number == 1].mean()


def test_taken_sessions_keep_their_page_loads(visits: Visits) -> None:
    taken = visits.take(np.array([7, 3]))
    starts = taken.steps.start_us[taken.steps.is_first]
    assert starts.tolist() == visits.sessions.start_us[[7, 3]].tolist()
