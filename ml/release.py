"""From a training set to a registered version: split, fit, evaluate, draw, bundle, register, pass the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isnan
from os import cpu_count
from pathlib import Path

import pandas as pd

from ml import after_drift, bundle, card, distributed, leakage, plots, pruning, training
from ml.bundle import BundleFeature, Header
from ml.card import Origin
from ml.challenge import Challenge, contest
from ml.datasets import Split, TrainingSet, refuse_all_purged
from ml.evaluation import Outcomes, Scorecard, curves, evaluate, outcomes_of
from ml.explanation import BASE, contributions
from ml.findings import Findings
from ml.gate import GateOutcome
from ml.pipelines import PipelineBooster
from ml.policy_evaluation import PolicyComparison, ThresholdChoice, compare_policies, threshold_choices
from ml.registry import Registry
from ml.search import nearby_spread
from ml.specs import ModelSpec
from ml.terms import DRIFTED_ON, Terms, tags_of
from ml.training import Fitted
from ml.versions import NewVersion

DRAWN_ROWS = 1_000

THREADED_ROWS = 200_000
"""Training rows from which on all cores learn."""


@dataclass(frozen=True)
class Release:
    """A registered version of a model; it is the champion if the gate let it pass."""

    version: str
    digest: str
    family: str
    threshold: float
    scorecard: Scorecard
    policies: PolicyComparison | None
    gate: GateOutcome
    plots: Sequence[Path]


def release_model(
    spec: ModelSpec, data: TrainingSet[BundleFeature], registry: Registry, terms: Terms, folder: Path
) -> Release:
    """Train `spec` on all but the last days, and register it; `folder` is for its files.

    Raises:
        TooFewPositives: the training days hold too few examples of either answer.
        DatasetError: the set covers too few days, a feature in it knows the answer, or a label lies outside its window.
    """
    leakage.probe_labels(spec, data.frame)
    spec, split = after_drift.split_since(spec, data.frame, terms.drift)
    refuse_all_purged(spec, split)
    learn = partial(_learn, terms=terms)
    fitted, ablation = pruning.prune(learn(spec, split.train, data.features), split.train, learn)
    # not before the fit, which refuses rows too few to be probed
    leakage.probe(spec, data.features, split.train)
    outcomes = outcomes_of(fitted, split.test)
    evidence = _Evidence(
        scorecard=evaluate(fitted, split.train, split.test),
        outcomes=outcomes,
        findings=Findings.of(fitted, ablation, data.features, split, outcomes),
        decides=spec.decides,
        # what nobody was shown can't be compared
        was_shown=spec.decides and terms.conversion_event.startswith("popup_"),
    )
    drawn = _draw(fitted, evidence, split.test, folder / "plots")
    header = _header(spec, fitted, split, terms)
    golden = training.golden_rows(fitted, split.train)
    digest = bundle.write(training.bundle_of(fitted, header), folder / "bundle", golden)
    tags = {
        **tags_of(header.trained_from, header.trained_to, spec.feature_service, terms),
        **({DRIFTED_ON: f"{terms.drifted_on}"} if spec.current else {}),
        "data": data.fingerprint,
    }
    version = registry.register(_new_version(fitted, evidence, tags, folder, digest))
    challenge = Challenge(spec, version, data.frame, split.test, evidence.scorecard)
    outcome = contest(challenge, registry, terms)
    return Release(
        version,
        digest,
        fitted.trials[0].candidate.family,
        fitted.threshold,
        evidence.scorecard,
        evidence.policies,
        outcome,
        drawn,
    )


@dataclass(frozen=True)
class _Evidence:
    """What the test days say of a model."""

    scorecard: Scorecard
    outcomes: Outcomes
    findings: Findings
    decides: bool
    was_shown: bool

    @property
    def policies(self) -> PolicyComparison | None:
        target, score = self.outcomes.target, self.outcomes.score
        return compare_policies(target, score, self.scorecard.threshold) if self.was_shown else None

    @property
    def choices(self) -> Sequence[ThresholdChoice]:
        target, score = self.outcomes.target, self.outcomes.score
        return threshold_choices(target, score) if self.decides and target.any() else ()


def _learn(
    spec: ModelSpec, train: pd.DataFrame, features: Sequence[BundleFeature], terms: Terms
) -> Fitted[BundleFeature]:
    if terms.dask_scheduler:
        return distributed.on_cluster(terms.dask_scheduler)(spec, train, features, terms.impression_budget)
    # of few rows, threads wait longer for each other than they work
    threads = 1 if len(train) < THREADED_ROWS else cpu_count() or 1
    return training.fit(spec, train, features, terms.impression_budget, threads)


def _header(spec: ModelSpec, fitted: Fitted[BundleFeature], split: Split, terms: Terms) -> Header:
    moments = split.train["event_timestamp"]
    return Header(
        model=spec.name,
        feature_service=spec.feature_service,
        contract_checksum=terms.contract_checksum,
        conversion_event=terms.conversion_event,
        trained_from=f"{moments.min():%Y-%m-%d}",
        trained_to=f"{moments.max():%Y-%m-%d}",
        threshold=fitted.threshold,
    )


def _estimator(fitted: Fitted[BundleFeature]) -> object:
    booster = fitted.booster
    return booster.classifier if isinstance(booster, PipelineBooster) else booster


def _draw(fitted: Fitted[BundleFeature], evidence: _Evidence, test: pd.DataFrame, folder: Path) -> Sequence[Path]:
    """Everything drawn of a model; those pictures that its asset shows are returned."""
    folder.mkdir(parents=True, exist_ok=True)
    evidence.findings.draw(folder)
    target, score = evidence.outcomes.target, evidence.outcomes.score
    if not 0 < target.sum() < len(target):
        return ()
    rows = test.sample(min(len(test), DRAWN_ROWS), random_state=fitted.spec.seed)
    found, values = contributions(fitted, rows), pd.DataFrame(fitted.encoding.recode(rows), index=rows.index)
    return (
        *plots.draw_model(curves(target, score), fitted.importance(), folder),
        plots.draw_contributions(found.drop(columns=BASE), values, folder),
    )


def _new_version(
    fitted: Fitted[BundleFeature], evidence: _Evidence, tags: Mapping[str, str], folder: Path, digest: str
) -> NewVersion:
    spec, best = fitted.spec, fitted.trials[0]
    origin = Origin(tags["trained_from"], tags["trained_to"], tags["simulated"] == "true")
    told = card.model_card(fitted, evidence.scorecard, evidence.policies, evidence.choices, origin)
    return NewVersion(
        name=spec.name,
        purpose=spec.description,
        card=f"{told}\n{card.further(evidence.findings.sections)}",
        model=_estimator(fitted),
        features=fitted.features,
        params={name: str(value) for name, value in {"family": best.candidate.family, **best.params}.items()},
        metrics={**evidence.scorecard.as_metadata(), **_stability(fitted), **evidence.findings.as_metadata()},
        tags=tags,
        bundle_folder=folder / "bundle",
        digest=digest,
        plots_folder=folder / "plots",
        evidence={"thresholds": [asdict(choice) for choice in evidence.choices]},
    )


def _stability(fitted: Fitted[BundleFeature]) -> dict[str, float]:
    spread = nearby_spread(fitted.trials)
    return {} if isnan(spread) else {"nearby_spread": spread}
