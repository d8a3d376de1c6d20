"""From labelled user-days to a registered stage model: compare definitions, fit, evaluate, draw, register, judge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ml import gate, leakage, stage_bundle, stages, training
from ml.bundle import BundleFeature, PlainHeader
from ml.card import Origin
from ml.datasets import EVENT_TIMESTAMP, TrainingSet, refuse_all_purged, split_by_time
from ml.gate import GateOutcome
from ml.registry import Registry
from ml.release import Terms, may_stay, tags_of
from ml.specs import StageSpec
from ml.stage_bundle import StageBundle
from ml.stage_card import stage_card
from ml.stage_choice import Choice, agreement_with_survey, compare
from ml.stage_evaluation import Agreement, StageFigures, bounds, stage_figures
from ml.stage_plots import draw_stages
from ml.stages import FittedStages
from ml.versions import NewVersion


@dataclass(frozen=True)
class StageRelease:
    """A registered version; it is the champion if the gate let it pass. `figures` and `survey` are of the test days."""

    version: str
    digest: str
    choice: Choice
    figures: StageFigures
    survey: Agreement
    gate: GateOutcome
    plots: Sequence[Path]

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name: of the test days, then of each definition by nested cross-validation."""
        rivals = {
            f"{rival.definition}_{name}": interval
            for rival in self.choice.rivals
            for name, interval in (
                ("macro_precision", rival.figures.macro_precision),
                ("macro_recall", rival.figures.macro_recall),
                ("label_kappa", rival.label_agreement.kappa),
                ("model_kappa", rival.model_agreement.kappa),
            )
        }
        survey = {"survey_share": self.survey.share, "survey_kappa": self.survey.kappa}
        answers = {"survey_answers": float(self.survey.answers)}
        return {**self.figures.as_metadata(), **answers, **bounds(survey), **bounds(rivals)}


def release_stages(
    spec: StageSpec, data: TrainingSet[BundleFeature], registry: Registry, terms: Terms, folder: Path
) -> StageRelease:
    """Compare the definitions on all but the last fifth of the days, and register a model of the one that stands.

    Raises:
        TooFewOfStage: the training days hold too few examples of a stage.
        DatasetError: the set covers too few days, a feature in it knows the answer, or a label lies outside its window.
    """
    leakage.probe_labels(spec, data.frame)
    split = split_by_time(data.frame, spec.horizon)
    refuse_all_purged(spec, split)
    choice = compare(spec, split.train, data.features)
    leakage.probe(spec, data.features, split.train.iloc[stages.sampled(spec, split.train)])
    fitted = stages.fit(spec, choice.chosen.definition, split.train, data.features)
    figures, survey = _judged(fitted, split.test)
    trained = split.train[EVENT_TIMESTAMP]
    header = PlainHeader(
        spec.name,
        spec.feature_service,
        terms.contract_checksum,
        f"{trained.min():%Y-%m-%d}",
        f"{trained.max():%Y-%m-%d}",
    )
    bundle = StageBundle(header, fitted.definition, fitted.namer)
    digest = stage_bundle.write(bundle, folder / "bundle", training.golden_rows(fitted, split.train))
    drawn = draw_stages(figures, choice, fitted.importance(), folder / "plots")
    outcome = gate.judge_stages(figures, terms.whole_sessions)
    release = StageRelease("", digest, choice, figures, survey, outcome, drawn)
    version = registry.register(
        NewVersion(
            name=spec.name,
            purpose=spec.description,
            card=stage_card(
                fitted, figures, survey, choice, Origin(header.trained_from, header.trained_to, terms.is_simulated)
            ),
            model=fitted.namer.booster,
            features=fitted.features,
            params={"definition": fitted.definition, **{name: str(value) for name, value in fitted.params.items()}},
            metrics=release.as_metadata(),
            tags={
                **tags_of(header.trained_from, header.trained_to, spec.feature_service, terms),
                "data": data.fingerprint,
            },
            bundle_folder=folder / "bundle",
            digest=digest,
            plots_folder=folder / "plots",
        )
    )
    if outcome.is_passed:
        registry.promote(spec.name, version, read=stage_bundle.read)
    elif not may_stay(registry.champion(spec.name), terms):
        registry.retire(spec.name)
    return replace(release, version=version)


def _judged(fitted: FittedStages[BundleFeature], test: pd.DataFrame) -> tuple[StageFigures, Agreement]:
    spec = fitted.spec
    # a stage that training never saw is one that the model can't name
    known = test[test[fitted.definition].isin(fitted.namer.stages)]
    named = fitted.namer.name(known)
    truth = known[fitted.definition].to_numpy(dtype=object)
    figures = stage_figures(truth, named, fitted.namer.stages, stages.groups_of(spec, known), spec.seed)
    return figures, agreement_with_survey(spec, known, named)
