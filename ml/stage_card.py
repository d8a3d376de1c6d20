"""The card of a stage model, in Markdown that a marketer can read."""

from ml.bundle import BundleFeature
from ml.card import SHOWN_FEATURES, Origin, markdown
from ml.stage_choice import Choice, Rival
from ml.stage_evaluation import Agreement, StageFigures
from ml.stage_evidence import StageEvidence
from ml.stages import FittedStages


def stage_card(fitted: FittedStages[BundleFeature], evidence: StageEvidence, origin: Origin) -> str:
    """The card of a model of stages."""
    spec, figures, choice = fitted.spec, evidence.figures, evidence.choice
    settings = ", ".join(f"{name} {value}" for name, value in fitted.params.items())
    features = ", ".join(f"`{name}` {share:.0%}" for name, share in list(fitted.importance().items())[:SHOWN_FEATURES])
    counts = ", ".join(f"{count:,} {stage}" for stage, count in fitted.counts.items())
    compared = sum(choice.chosen.counts.values())
    sections = {
        spec.name: spec.description,
        "In short": "\n\n".join(
            [
                _verdict(figures),
                _power(figures, spec.min_rows),
                choice.reason,
                *([f"**Warning.** {choice.warning}"] if choice.warning else []),
            ]
        ),
        "Data": f"{origin} Users who were back within {spec.horizon.days} days, one row a day with a visit; "
        f"training rows by `{fitted.definition}`: {counts}. {figures.rows:,} test rows, which are the last days."
        f"{_unlearnt(evidence)}",
        "Figures on the test days": f"{_stages(figures)}\n\nMacro precision {figures.macro_precision}, macro recall "
        f"{figures.macro_recall}: the means over stages, each counting alike. Macro recall lost from training to test: "
        f"{evidence.train_test_gap}; large means learnt by heart. {_survey(evidence.survey)}",
        "Rival definitions": f"{_rivals(choice)}\n\nBy nested cross-validation on {compared:,} training rows: "
        f"{spec.folds} folds, no user in two, settings chosen anew on {spec.inner_folds} folds within each.",
        "How it was chosen": f"{_settings(fitted)} settings were compared by the macro F1 score; best was {settings}. "
        "Stages count alike in training, whatever their number.",
        "What it looks at": f"{len(fitted.features)} features; most at {features}.",
        "Limits": "A stage is a guess about what follows, if the visitor comes back at all. A stage that few reach "
        "is named far oftener than it comes true: see its precision. Intervals resample users of these days.",
        "Pictures": "`plots/` of the run: which stages are taken for which, the rival definitions, importance.",
    }
    return markdown(sections)


def _verdict(figures: StageFigures) -> str:
    recall = f"macro recall {figures.macro_recall}, with 95 % interval, where that would have {figures.chance:.3f}"
    if figures.cannot_tell:
        return f"**Cannot tell** whether this is better than always naming the commonest stage: {recall}."
    return f"It tells stages apart better than always naming the commonest one: {recall}."


def _power(figures: StageFigures, least: int) -> str:
    width = figures.macro_recall.high - figures.macro_recall.low
    told = f"The interval is {width:.3f} wide: models that lie nearer to each other can't be ranked on these test rows."
    few = ", ".join(f"{stage} ({rows})" for stage, rows in figures.rows_of.items() if rows < least)
    return f"{told} Too few to judge a stage by, below {least}, are those of: {few}." if few else told


def _unlearnt(evidence: StageEvidence) -> str:
    if not evidence.unlearnt:
        return ""
    counts = ", ".join(f"{rows:,} {stage}" for stage, rows in evidence.unlearnt.items())
    return f" Left out of the figures are test rows of stages that no training row is of: {counts}."


def _survey(survey: Agreement) -> str:
    if not survey.answers:
        return "No user said a stage when asked."
    return (
        f"On {survey.answers:,} answers of users when asked: share of equal stages {survey.share}, Cohen's kappa "
        f"{survey.kappa}, 0 by chance."
    )


def _settings(fitted: FittedStages[BundleFeature]) -> int:
    found = 1
    for values in fitted.spec.candidate.grid.values():
        found *= len(values)
    return found


def _stages(figures: StageFigures) -> str:
    named, true = figures.confusion.sum(axis=0), figures.confusion.sum(axis=1)
    rows = [
        f"| {stage} | {true[place]:,} | {named[place]:,} | {figures.precision[stage]} | {figures.recall[stage]} |"
        for place, stage in enumerate(figures.stages)
    ]
    head = (
        "| stage | came true | named | precision: share of the named that are right | recall: share of the true found |"
    )
    return "\n".join((head, "|---|---|---|---|---|", *rows))


def _rivals(choice: Choice) -> str:
    head = (
        "| definition | stages | macro precision | macro recall | label's kappa with the survey | model's | answers |"
    )
    return "\n".join((head, "|---|---|---|---|---|---|---|", *(_rival(rival) for rival in choice.rivals)))


def _rival(rival: Rival) -> str:
    figures, label, model = rival.figures, rival.label_agreement, rival.model_agreement
    cells = (figures.macro_precision, figures.macro_recall, label.kappa, model.kappa)
    return f"| `{rival.definition}` | {len(figures.stages)} | {' | '.join(map(str, cells))} | {label.answers:,} |"
