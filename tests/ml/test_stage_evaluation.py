import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, precision_score, recall_score

from ml.stage_evaluation import Names, agreement, kappa_lead, stage_figures

STAGES = ("dreamer", "browser", "comparer")


def names(**counts: int) -> Names:
    return np.repeat(np.array(list(counts), dtype=object), list(counts.values()))


def test_a_hundred_dreamers_of_whom_sixty_are_among_eighty_named() -> None:
    truth = names(dreamer=100, browser=20)
    # of 100 dreamers 60 are named so, and 20 who are none
    named = np.repeat(np.array(["dreamer", "browser", "dreamer"], dtype=object), [60, 40, 20])

    figures = stage_figures(truth, named, ("dreamer", "browser"), np.arange(120))

    assert figures.precision["dreamer"].value == pytest.approx(0.75)
    assert figures.recall["dreamer"].value == pytest.approx(0.60)
    assert figures.confusion.tolist() == [[60, 40], [20, 0]]


def test_a_stage_that_is_never_named_has_no_precision_and_counts_as_nought() -> None:
    truth = names(dreamer=8, browser=1, comparer=1)
    figures = stage_figures(truth, names(dreamer=10), STAGES, np.arange(10))

    assert str(figures.precision["browser"]) == "not defined"
    assert figures.macro_precision.value == pytest.approx(0.8 / 3)
    assert figures.macro_recall.value == pytest.approx(1 / 3)
    assert figures.cannot_tell
    assert figures.ease == pytest.approx(0)


def test_what_is_named_right_throughout_is_better_than_the_commonest_stage() -> None:
    truth = names(dreamer=8, browser=5, comparer=5)
    figures = stage_figures(truth, truth, STAGES, np.arange(18))

    assert figures.ease == pytest.approx(1)
    assert not figures.cannot_tell
    assert figures.as_metadata()["recall_browser"] == 1


def test_who_names_all_right_is_right_wherever_a_stage_is_absent() -> None:
    # in a third of the samples no browser is drawn
    truth = names(dreamer=20, comparer=20, browser=1)
    figures = stage_figures(truth, truth, (*STAGES, "owner"), np.arange(41))

    assert [(macro.value, macro.low) for macro in (figures.macro_precision, figures.macro_recall)] == [(1, 1), (1, 1)]
    assert figures.chance == pytest.approx(1 / 3)
    assert str(figures.recall["owner"]) == "not defined"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(STAGES)), min_size=2, max_size=30))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, named = (np.array(column, dtype=object) for column in zip(*pairs, strict=True))
    figures = stage_figures(truth, named, STAGES, np.arange(len(pairs)))
    judged = {"average": "macro", "zero_division": 0}
    found = agreement(truth, named, STAGES, np.arange(len(pairs)))

    assert figures.macro_precision.value == pytest.approx(precision_score(truth, named, **judged))
    assert figures.macro_recall.value == pytest.approx(recall_score(truth, named, labels=sorted({*truth}), **judged))
    assert found.kappa.value == pytest.approx(cohen_kappa_score(truth, named), nan_ok=True)
    assert found.share.value == pytest.approx(np.mean(truth == named))


def test_intervals_resample_users_and_not_their_rows() -> None:
    truth = names(dreamer=50, browser=50)
    named = np.tile(np.array(["dreamer", "browser"], dtype=object), 50)
    rows = agreement(truth, named, STAGES, np.arange(100)).share
    users = agreement(truth, named, STAGES, np.repeat([0, 1], 50)).share
    alone = agreement(truth, named, STAGES, np.zeros(100, dtype=np.intp)).share

    assert rows.low < rows.value < rows.high
    assert (users.low, users.high) == (0.5, 0.5)
    assert (alone.low, alone.high) == (0.5, 0.5)


def test_without_an_answer_nothing_is_said_of_agreement() -> None:
    nobody = names()
    found = agreement(nobody, nobody, STAGES, np.array([], dtype=np.intp))

    assert (found.answers, str(found.kappa)) == (0, "not defined")


def test_the_lead_of_one_rival_over_another_is_that_of_its_kappa() -> None:
    answers = names(dreamer=40, browser=40, comparer=40)
    wrong = np.roll(answers, 40)
    lead = kappa_lead(answers, (answers, wrong), STAGES, np.arange(120))

    assert lead.value == pytest.approx(1.5)
    assert lead.low > 1
    assert kappa_lead(answers, (answers, answers), STAGES, np.arange(120)).low == 0
