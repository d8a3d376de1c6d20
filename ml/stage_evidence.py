"""What speaks for a model of stages: how its definition was chosen, and what the test days say of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.datasets import DatasetError, F, Split
from ml.intervals import Interval, bounds
from ml.stage_choice import Choice, agreement_with_survey
from ml.stage_evaluation import Agreement, StageFigures, macro_recall, stage_figures
from ml.stages import FittedStages, groups_of


@dataclass(frozen=True)
class StageEvidence:
    """The `choice` is by the training days, all else of the test days, `survey` of those asked in them.

    `train_test_gap` is macro recall on the training rows less that on the test rows. `unlearnt` counts test rows by
    stages that no training row is of: a model can't name them, and they are left out of `figures`.
    """

    choice: Choice
    figures: StageFigures
    survey: Agreement
    train_test_gap: Interval
    unlearnt: Mapping[str, int]

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name: of the test days, then of each definition by nested cross-validation."""
        found = {
            "survey_share": self.survey.share,
            "survey_kappa": self.survey.kappa,
            "train_test_gap": self.train_test_gap,
        }
        counts = {"survey_answers": self.survey.answers, "rows_unlearnt": sum(self.unlearnt.values())}
        return {
            **self.figures.as_metadata(),
            **{name: int(count) for name, count in counts.items()},
            **bounds(found),
            **self.choice.as_metadata(),
        }


def evidence_of(fitted: FittedStages[F], choice: Choice, split: Split) -> StageEvidence:
    """What a model that learnt from `split.train` names in `split.test`.

    Raises:
        DatasetError: no test row is of a stage that the model can name.
    """
    spec, definition, namer, test = fitted.spec, fitted.definition, fitted.namer, split.test
    is_learnt = test[definition].isin(namer.stages).to_numpy()
    unlearnt = {str(stage): int(rows) for stage, rows in test.loc[~is_learnt, definition].value_counts().items()}
    if not is_learnt.any():
        raise DatasetError(
            f"{spec.name} has no row to be judged by: the {len(test):,} test rows are of {sorted(unlearnt)} by "
            f"{definition}, the training rows of {list(namer.stages)}; more days are needed."
        )
    named = namer.name(test)
    truth, known = test.loc[is_learnt, definition].to_numpy(dtype=object), test[is_learnt]
    figures = stage_figures(truth, named[is_learnt], namer.stages, groups_of(spec, known), spec.seed)
    learnt = split.train[definition].to_numpy(dtype=object)
    trained, recall = macro_recall(learnt, namer.name(split.train), namer.stages), figures.macro_recall
    return StageEvidence(
        choice=choice,
        figures=figures,
        survey=agreement_with_survey(spec, test, named),
        train_test_gap=Interval(trained - recall.value, trained - recall.high, trained - recall.low),
        unlearnt=unlearnt,
    )
