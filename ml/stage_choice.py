"""Which of the rival definitions of a stage stands: by what users say when asked, not by how easy it is to predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.datasets import F
from ml.intervals import Interval, bounds
from ml.specs import StageSpec
from ml.stage_evaluation import Agreement, Names, StageFigures, agreement, kappa_lead, stage_figures
from ml.stages import groups_of, sampled, stages_of, unseen


@dataclass(frozen=True)
class Rival:
    """A definition, by nested cross-validation: what is chosen for a fold is chosen without its users.

    `label_agreement` is of the definition with the survey, `model_agreement` of what the models named.
    """

    definition: str
    counts: Mapping[str, int]
    figures: StageFigures
    label_agreement: Agreement
    model_agreement: Agreement


@dataclass(frozen=True)
class Choice:
    """The rivals, and which one stands; `lead` is by how much the survey agrees better with one than with the next.

    `warning` says where the easiest definition is not the one that stands, or stands with no survey to speak for it.
    """

    rivals: tuple[Rival, ...]
    chosen: Rival
    lead: Interval
    reason: str
    warning: str | None

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure of each definition by name, its bounds as `<name>_low` and `<name>_high`."""
        return bounds(
            {
                f"{rival.definition}_{name}": interval
                for rival in self.rivals
                for name, interval in (
                    ("macro_precision", rival.figures.macro_precision),
                    ("macro_recall", rival.figures.macro_recall),
                    ("label_kappa", rival.label_agreement.kappa),
                    ("model_kappa", rival.model_agreement.kappa),
                )
            }
        )


def compare(spec: StageSpec, frame: pd.DataFrame, features: Sequence[F]) -> Choice:
    """The spec's definitions on training rows, `most_rows` at most, and which of them stands.

    That is the one which the survey agrees with best, if it can tell; how well a definition can be predicted says
    nothing about whether it is right.

    Raises:
        TooFewOfStage: there are fewer examples of a stage than the spec asks for.
        DatasetError: there are no features, a column is absent, or a label is no stage.
    """
    rows = frame.iloc[sampled(spec, frame)]
    return choose(spec, rows, [_rival(spec, definition, rows, features) for definition in spec.definitions])


def choose(spec: StageSpec, frame: pd.DataFrame, rivals: Sequence[Rival]) -> Choice:
    """Which definition stands, by the answers in `frame`; the spec's first one where they can't tell."""
    best, *others = sorted(rivals, key=lambda rival: -_known(rival.label_agreement.kappa.value))
    asked = frame[frame[spec.answer].notna()]
    lead = min(
        (_lead(spec, asked, best.definition, other.definition) for other in others), key=lambda found: _known(found.low)
    )
    can_tell = lead.low > 0
    chosen = best if can_tell else rivals[0]
    reason = (
        f"`{chosen.definition}` agrees best with {len(asked):,} answers of users when asked: Cohen's kappa is {lead} "
        "above the next one's."
        if can_tell
        else f"Cannot tell which definition is right: {_doubt(len(asked), lead)}. "
        f"`{chosen.definition}` stands because it is stated first, not because of any figure."
    )
    return Choice(tuple(rivals), chosen, lead, reason, _warning(rivals, chosen, can_tell))


def agreement_with_survey(spec: StageSpec, frame: pd.DataFrame, named: Names) -> Agreement:
    """How stages named agree with the answers in `frame`, of whose rows most have none."""
    asked = frame[spec.answer].notna().to_numpy()
    answers = frame.loc[asked, spec.answer].to_numpy(dtype=object)
    return agreement(answers, named[asked], spec.stages, groups_of(spec, frame[asked]), spec.seed)


def _rival(spec: StageSpec, definition: str, frame: pd.DataFrame, features: Sequence[F]) -> Rival:
    stages = stages_of(spec, definition, frame, features)
    truth, named = frame[definition].to_numpy(dtype=object), unseen(spec, definition, frame, features)
    return Rival(
        definition=definition,
        counts={stage: int((truth == stage).sum()) for stage in stages},
        figures=stage_figures(truth, named, stages, groups_of(spec, frame), spec.seed),
        label_agreement=agreement_with_survey(spec, frame, truth),
        model_agreement=agreement_with_survey(spec, frame, named),
    )


def _lead(spec: StageSpec, asked: pd.DataFrame, one: str, other: str) -> Interval:
    answers, first, second = (asked[name].to_numpy(dtype=object) for name in (spec.answer, one, other))
    return kappa_lead(answers, (first, second), spec.stages, groups_of(spec, asked), spec.seed)


def _doubt(answers: int, lead: Interval) -> str:
    if not answers:
        return "nobody was asked, or nobody answered"
    differs = f"differs by {lead}" if np.isfinite(lead.value) else "is not defined"
    return f"on {answers:,} answers of users when asked, Cohen's kappa {differs}"


def _warning(rivals: Sequence[Rival], chosen: Rival, can_tell: bool) -> str | None:
    easiest, next_one, *_ = sorted(rivals, key=lambda rival: -rival.figures.ease)
    if easiest is not chosen:
        is_it, other, so = "not the one that stands", chosen, " and would have won by that"
    elif not can_tell:
        is_it, other, so = "the one that stands, and no survey shows that it is right", next_one, ""
    else:
        return None
    return (
        f"The easiest definition is {is_it}: `{easiest.definition}` is predicted farther above chance ("
        f"{_above_chance(easiest.figures)}) than `{other.definition}` ({_above_chance(other.figures)}){so}, but what "
        "is easy to predict need not be true."
    )


def _above_chance(figures: StageFigures) -> str:
    return (
        f"macro recall {figures.macro_recall}, by chance {1 / len(figures.stages):.3f} of {len(figures.stages)} stages"
    )


def _known(value: float) -> float:
    return value if np.isfinite(value) else -1.0
