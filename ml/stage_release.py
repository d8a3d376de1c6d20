"""From labelled user-days to a registered stage model: compare definitions, fit, evaluate, draw, register, judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml import gate, leakage, stage_bundle, stages, training, trial
from ml.bundle import BundleFeature, PlainHeader
from ml.card import Origin
from ml.datasets import EVENT_TIMESTAMP, Split, TrainingSet, refuse_all_purged, split_by_time
from ml.gate import GateOutcome
from ml.promotion import Seat
from ml.registry import Registry
from ml.specs import StageSpec
from ml.stage_bundle import StageBundle
from ml.stage_card import stage_card
from ml.stage_choice import compare
from ml.stage_evidence import StageEvidence, evidence_of
from ml.stage_plots import draw_stages
from ml.stages import FittedStages
from ml.terms import Terms, may_stay, tags_of
from ml.versions import NewVersion


@dataclass(frozen=True)
class StageRelease:
    """A registered version; it is the champion if the gate let it pass."""

    version: str
    digest: str
    evidence: StageEvidence
    gate: GateOutcome
    plots: Sequence[Path]


def release_stages(
    spec: StageSpec, data: TrainingSet[BundleFeature], registry: Registry, terms: Terms, folder: Path
) -> StageRelease:
    """Compare the definitions on all but the last fifth of the days, and register a model of the one that stands.

    Raises:
        TooFewOfStage: the training days hold too few examples of a stage.
        DatasetError: the set covers too few days, a feature in it knows the answer, a label lies outside its window, or
            no test row is of a stage that the training days hold.
    """
    leakage.probe_labels(spec, data.frame)
    split = split_by_time(data.frame, spec.horizon)
    refuse_all_purged(spec, split)
    choice = compare(spec, split.train, data.features)
    leakage.probe(spec, data.features, split.train.iloc[stages.sampled(spec, split.train)])
    fitted = stages.fit(spec, choice.chosen.definition, split.train, data.features)
    evidence = evidence_of(fitted, choice, split)
    drawn = draw_stages(evidence.figures, choice, fitted.importance(), folder / "plots")
    header = _header(spec, split, terms)
    bundle = StageBundle(header, fitted.definition, fitted.namer)
    digest = stage_bundle.write(bundle, folder / "bundle", training.golden_rows(fitted, split.train))
    tags = {**tags_of(header.trained_from, header.trained_to, spec.feature_service, terms), "data": data.fingerprint}
    version = registry.register(_new_version(fitted, evidence, tags, folder, digest))
    outcome = gate.judge_stages(evidence.figures, terms.whole_sessions)
    champion = registry.champion(spec.name)
    if outcome.is_passed and champion and champion.digest == digest:
        outcome = GateOutcome(False, "It says what the champion says, bit for bit.")
    seat = Seat(registry, spec.name, trial.read_stages)
    outcome = seat.conclude(version, outcome, champion, may_stay(champion, terms), {"figures": evidence.as_metadata()})
    return StageRelease(version, digest, evidence, outcome, drawn)


def _header(spec: StageSpec, split: Split, terms: Terms) -> PlainHeader:
    moments = split.train[EVENT_TIMESTAMP]
    return PlainHeader(
        model=spec.name,
        feature_service=spec.feature_service,
        contract_checksum=terms.contract_checksum,
        trained_from=f"{moments.min():%Y-%m-%d}",
        trained_to=f"{moments.max():%Y-%m-%d}",
    )


def _new_version(
    fitted: FittedStages[BundleFeature], evidence: StageEvidence, tags: Mapping[str, str], folder: Path, digest: str
) -> NewVersion:
    origin = Origin(tags["trained_from"], tags["trained_to"], tags["simulated"] == "true")
    return NewVersion(
        name=fitted.spec.name,
        purpose=fitted.spec.description,
        card=stage_card(fitted, evidence, origin),
        model=fitted.namer.booster,
        features=fitted.features,
        params={"definition": fitted.definition, **{name: str(value) for name, value in fitted.params.items()}},
        metrics=evidence.as_metadata(),
        tags=tags,
        bundle_folder=folder / "bundle",
        digest=digest,
        plots_folder=folder / "plots",
    )
