"""Definitions of stages are judged by what users say, and learnt without knowing whom they are judged on."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from sklearn.metrics import recall_score

from ml import stage_bundle, stages, training
from ml.bundle import BundleError, BundleFeature
from ml.card import Origin
from ml.datasets import DatasetError, Split
from ml.gate import judge_stages
from ml.stage_card import stage_card
from ml.stage_choice import Choice, agreement_with_survey, choose, compare
from ml.stage_evaluation import StageFigures, stage_figures
from ml.stage_evidence import StageEvidence, evidence_of
from ml.stage_plots import draw_stages
from tests.ml.checked_models import EASY, RIGHT, SMALL_STAGE, STAGE_HEADER, build_stage_shop, fit_stages_to_shop
from tests.ml.conftest import FEATURES

ANSWER = SMALL_STAGE.answer
ORIGIN = Origin("2026-01-01", "2026-01-20", is_simulated=True)


@cache
def choice() -> Choice:
    return compare(SMALL_STAGE, build_stage_shop(), FEATURES)


@cache
def figures() -> StageFigures:
    table, namer = build_stage_shop(seed=2), fit_stages_to_shop().namer
    return stage_figures(table[RIGHT].to_numpy(), namer.name(table), namer.stages, np.arange(len(table)))


def test_the_definition_that_users_agree_with_stands_and_the_easier_one_is_warned_of() -> None:
    found = choice()

    assert found.chosen.definition == RIGHT
    assert found.lead.low > 0
    assert found.chosen.label_agreement.kappa.value == 1
    assert "agrees best with" in found.reason
    assert found.warning is not None
    assert f"`{EASY}` is predicted farther above chance" in found.warning


def judged(answers: "pd.Series[Any]", first: str = RIGHT) -> Choice:
    """The rivals again, `first` stated first, by other `answers` of users."""
    spec = replace(SMALL_STAGE, definitions=tuple(sorted((RIGHT, EASY), key=lambda name: name != first)))
    table = build_stage_shop().assign(**{ANSWER: answers})
    rivals = {rival.definition: rival for rival in choice().rivals}
    return choose(
        spec,
        table,
        [
            replace(rivals[name], label_agreement=agreement_with_survey(spec, table, table[name].to_numpy()))
            for name in spec.definitions
        ],
    )


def some_answers(count: int) -> "pd.Series[Any]":
    """Answers of `count` users that agree with nothing."""
    table = build_stage_shop()
    return table[RIGHT].sample(frac=1, random_state=3, ignore_index=True).mask(np.arange(len(table)) >= count)


@pytest.mark.parametrize("first", [RIGHT, EASY])
@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (0, "nobody was asked, or nobody answered"),
        (1, "on 1 answers of users when asked, Cohen's kappa is not defined"),
        (12, "on 12 answers of users when asked, Cohen's kappa differs by "),
    ],
)
def test_where_few_answer_the_first_definition_stands_and_it_is_said_why(answered: int, why: str, first: str) -> None:
    found = judged(some_answers(answered), first)

    assert found.chosen.definition == first
    assert found.reason.startswith(f"Cannot tell which definition is right: {why}")


@pytest.mark.parametrize("answered", [0, 12])
def test_the_easiest_definition_is_warned_of_where_it_stands_and_no_survey_speaks_for_it(answered: int) -> None:
    found = judged(some_answers(answered), first=EASY)

    assert found.warning is not None
    assert found.warning.startswith("The easiest definition is the one that stands, and no survey shows that it is")
    assert f"`{EASY}` is predicted farther above chance" in found.warning
    assert "would have won" not in found.warning


def test_the_easiest_definition_is_not_warned_of_where_users_agree_with_it() -> None:
    found = judged(build_stage_shop()[EASY])

    assert found.chosen.definition == EASY
    assert found.warning is None


def test_what_a_model_names_of_a_user_it_did_not_learn_from_that_user() -> None:
    """A number of each user's own tells the stage of all of their rows, and of nobody else's."""
    rng = np.random.default_rng(5)
    user = np.repeat(np.arange(150), 4)
    stage = np.array(SMALL_STAGE.stages[:3], dtype=object)[rng.integers(0, 3, 150)][user]
    table = pd.DataFrame({"number": rng.permutation(150)[user].astype(float), RIGHT: stage, EASY: stage, ANSWER: None})
    table["user_pseudo_id"] = user.astype(str)
    number = BundleFeature("number", "shop", "user", "float64", 1.0, None)

    named = stages.unseen(SMALL_STAGE, RIGHT, table, [number])

    assert np.mean(named == stage) < 0.4
    assert np.mean(stages.fit(SMALL_STAGE, RIGHT, table, [number]).namer.name(table) == stage) > 0.5


def test_whole_users_are_drawn_and_no_more_rows_than_are_asked_for() -> None:
    table = build_stage_shop()
    drawn = table.iloc[stages.sampled(replace(SMALL_STAGE, most_rows=200), table)]
    left = table.drop(drawn.index)

    assert 150 < len(drawn) <= 200
    assert set(drawn["user_pseudo_id"]).isdisjoint(left["user_pseudo_id"])
    assert len(stages.sampled(SMALL_STAGE, table)) == len(table)


def test_a_label_that_is_no_stage_is_refused_by_name() -> None:
    table = build_stage_shop()
    table.loc[0, RIGHT] = "window shopper"
    with pytest.raises(DatasetError, match=rf"{RIGHT} holds \['window shopper'\]; a stage of buyer_stage is one of"):
        stages.fit(SMALL_STAGE, RIGHT, table, FEATURES)


@pytest.mark.parametrize("definitions", [(), (RIGHT,)])
def test_definitions_too_few_to_compare_are_refused(definitions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"buyer_stage has definitions \(.*\); two rivals or more are compared"):
        replace(SMALL_STAGE, definitions=definitions)


def test_a_survey_that_is_absent_is_named() -> None:
    with pytest.raises(DatasetError, match=f"needs columns \\['{ANSWER}'\\], which are absent"):
        stages.fit(SMALL_STAGE, RIGHT, build_stage_shop().drop(columns=ANSWER), FEATURES)


def test_stages_pass_the_gate_where_they_are_told_apart() -> None:
    good = figures()
    nobody = np.full(good.rows, "dreamer", dtype=object)
    truth = np.repeat(np.array(good.stages, dtype=object), good.confusion.sum(axis=1))
    commonest = stage_figures(truth, nobody, good.stages, np.arange(good.rows))

    assert judge_stages(good, whole_sessions=1.0).is_passed
    assert not judge_stages(good, whole_sessions=0.08).is_passed
    assert not judge_stages(commonest, whole_sessions=1.0).is_passed


def test_an_altered_bundle_is_refused(tmp_path: Path) -> None:
    fitted = fit_stages_to_shop()
    bundle = stage_bundle.StageBundle(STAGE_HEADER, fitted.definition, fitted.namer)
    digest = stage_bundle.write(bundle, tmp_path, training.golden_rows(fitted, build_stage_shop()))
    (tmp_path / "model.json").write_text("{}")

    with pytest.raises(BundleError, match=r"model\.json has SHA-256"):
        stage_bundle.read(tmp_path, digest)


@cache
def evidence() -> StageEvidence:
    return evidence_of(fit_stages_to_shop(), choice(), split_of(build_stage_shop(seed=2)))


def split_of(test: pd.DataFrame) -> Split:
    """The rows that the model learnt from, and `test`."""
    return Split(build_stage_shop(), test, pd.Timestamp("2026-01-31"), purged=0)


def test_what_is_lost_from_training_to_test_is_that_of_macro_recall() -> None:
    table, namer = build_stage_shop(), fit_stages_to_shop().namer
    found = evidence()
    learnt = recall_score(table[RIGHT], namer.name(table), average="macro")

    assert found.figures.macro_recall.value == figures().macro_recall.value
    assert found.train_test_gap.value == pytest.approx(learnt - found.figures.macro_recall.value)
    assert found.train_test_gap.low < found.train_test_gap.value < found.train_test_gap.high


def test_test_rows_of_a_stage_that_was_not_learnt_are_counted_and_left_out() -> None:
    test = build_stage_shop(seed=2)
    owners = test[RIGHT].mask(np.arange(len(test)) < 7, "owner")
    found = evidence_of(fit_stages_to_shop(), choice(), split_of(test.assign(**{RIGHT: owners})))
    card = stage_card(fit_stages_to_shop(), found, ORIGIN)

    assert found.unlearnt == {"owner": 7}
    assert found.figures.rows == len(test) - 7
    assert found.survey == evidence().survey
    assert found.as_metadata()["rows_unlearnt"] == 7
    assert "test rows of stages that no training row is of: 7 owner." in card


def test_test_rows_of_which_no_stage_was_learnt_are_refused() -> None:
    owners = build_stage_shop(seed=2).assign(**{RIGHT: "owner"})

    with pytest.raises(DatasetError, match=rf"no row to be judged by: the 600 test rows are of \['owner'\] by {RIGHT}"):
        evidence_of(fit_stages_to_shop(), choice(), split_of(owners))


def test_the_card_says_which_definition_stands_and_what_it_is_worth() -> None:
    fitted = fit_stages_to_shop()
    card = stage_card(fitted, evidence(), ORIGIN)

    assert "Simulated data" in card
    assert "**Warning.** The easiest definition is not the one that stands" in card
    assert all(f"| {stage} |" in card for stage in fitted.namer.stages)
    assert all(f"| `{definition}` |" in card for definition in (RIGHT, EASY))
    assert f"lost from training to test: {evidence().train_test_gap};" in card
    assert "no training row is of" not in card


def test_the_card_says_what_too_few_rows_and_no_answers_can_not_show() -> None:
    few = build_stage_shop(seed=2).head(100).assign(**{ANSWER: None})
    found = evidence_of(fit_stages_to_shop(), choice(), split_of(few))
    rows = {stage: count for stage, count in few[RIGHT].value_counts().items() if count < 50}
    card = stage_card(fit_stages_to_shop(), found, ORIGIN)

    assert rows
    assert all(f"{stage} ({count})" in card for stage, count in rows.items())
    assert "No user said a stage when asked." in card


def test_each_picture_of_stages_is_drawn(tmp_path: Path) -> None:
    drawn = draw_stages(figures(), choice(), fit_stages_to_shop().importance(), tmp_path)

    assert [file.stem for file in drawn] == ["confusion", "rivals", "importance"]
    assert all(float(np.ptp(imread(file))) > 0.5 for file in drawn)
