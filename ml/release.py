"""From a training set to a registered version: split, fit, evaluate, draw, bundle, register, pass the gate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isnan
from os import cpu_count
from pathlib import Path

import pandas as pd

from ml import bundle, card, distributed, gate, leakage, plots, pruning, training
from ml.bundle import BundleFeature, Header
from ml.card import Origin
from ml.datasets import Split, TrainingSet, refuse_all_purged, split_by_time
from ml.evaluation import Scorecard, curves, evaluate, outcomes_of
from ml.explanation import BASE, contributions
from ml.findings import Findings
from ml.gate import GateOutcome
from ml.pipelines import PipelineBooster
from ml.policy_evaluation import PolicyComparison, compare_policies, threshold_choices
from ml.registry import ChampionVersion, NewVersion, Registry
from ml.search import nearby_spread
from ml.specs import ModelSpec
from ml.training import Fitted

DRAWN_ROWS = 1_000

THREADED_ROWS = 200_000
"""Training rows from which on all cores learn."""


@dataclass(frozen=True)
class Terms:
    """What a release is told beside its data; `whole_sessions` is the share of sessions that hold their start.

    `dask_scheduler` is the address of a cluster to learn on; None: this machine.
    """

    contract_checksum: str
    conversion_event: str
    impression_budget: float
    is_simulated: bool
    whole_sessions: float
    dask_scheduler: str | None = None


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
    """Train `spec` on all but the last fifth of the days, and register it; `folder` is for its files.

    Raises:
        TooFewPositives: the training days hold too few examples of either answer.
        DatasetError: the set covers too few days, a feature in it knows the answer, or a label lies outside its window.
    """
    leakage.probe_labels(spec, data.frame)
    split = split_by_time(data.frame, spec.horizon)
    refuse_all_purged(spec, split)
    learn = partial(_learn, terms=terms)
    fitted, ablation = pruning.prune(learn(spec, split.train, data.features), split.train, learn)
    # not before the fit, which refuses rows too few to be probed
    leakage.probe(spec, data.features, split.train)
    scorecard = evaluate(fitted, split.train, split.test)
    outcomes = outcomes_of(fitted, split.test)
    target, score = outcomes.target, outcomes.score
    findings = Findings.of(fitted, ablation, data.features, split, outcomes)
    findings.draw(folder / "plots")
    # what nobody was shown can't be compared
    was_shown = spec.decides and terms.conversion_event.startswith("popup_")
    policies = compare_policies(target, score, fitted.threshold) if was_shown else None
    choices = threshold_choices(target, score) if spec.decides else ()
    drawn: Sequence[Path] = ()
    if 0 < target.sum() < len(target):
        drawn = (
            *plots.draw_model(curves(target, score), fitted.importance(), folder / "plots"),
            *_drawn_contributions(fitted, split.test, folder / "plots"),
        )
    header = _header(spec, fitted, split, terms)
    digest = bundle.write(
        training.bundle_of(fitted, header), folder / "bundle", training.golden_rows(fitted, split.train)
    )
    best = fitted.trials[0]
    origin = Origin(header.trained_from, header.trained_to, terms.is_simulated)
    version = registry.register(
        NewVersion(
            name=spec.name,
            purpose=spec.description,
            card=f"{card.model_card(fitted, scorecard, policies, choices, origin)}\n{card.further(findings.sections)}",
            model=_estimator(fitted),
            features=fitted.features,
            params={name: str(value) for name, value in {"family": best.candidate.family, **best.params}.items()},
            metrics={**scorecard.as_metadata(), **_stability(fitted), **findings.as_metadata()},
            tags={
                **tags_of(header.trained_from, header.trained_to, spec.feature_service, terms),
                "data": data.fingerprint,
            },
            bundle_folder=folder / "bundle",
            digest=digest,
            plots_folder=folder / "plots",
            evidence={"thresholds": [asdict(choice) for choice in choices]},
        )
    )
    outcome = gate.judge(scorecard, terms.whole_sessions)
    if outcome.is_passed:
        registry.promote(spec.name, version)
    elif not may_stay(registry.champion(spec.name), terms):
        registry.retire(spec.name)
    return Release(
        version,
        digest,
        best.candidate.family,
        fitted.threshold,
        scorecard,
        policies,
        outcome,
        drawn,
    )


def _learn(
    spec: ModelSpec, train: pd.DataFrame, features: Sequence[BundleFeature], terms: Terms
) -> Fitted[BundleFeature]:
    if terms.dask_scheduler:
        return distributed.on_cluster(terms.dask_scheduler)(spec, train, features, terms.impression_budget)
    # of few rows, threads wait longer for each other than they work
    threads = 1 if len(train) < THREADED_ROWS else cpu_count() or 1
    return training.fit(spec, train, features, terms.impression_budget, threads)


def may_stay(champion: ChampionVersion | None, terms: Terms) -> bool:
    """Whether a champion decides on where a version did not pass: if nothing but the rows has changed."""
    data = gate.judge_data(terms.whole_sessions)
    return data.is_passed and gate.may_stay(champion, terms.conversion_event, terms.contract_checksum)


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


def _drawn_contributions(fitted: Fitted[BundleFeature], test: pd.DataFrame, folder: Path) -> Sequence[Path]:
    rows = test.sample(min(len(test), DRAWN_ROWS), random_state=fitted.spec.seed)
    found = contributions(fitted, rows)
    values = pd.DataFrame(fitted.encoding.recode(rows), index=rows.index)
    return () if found is None else (plots.draw_contributions(found.drop(columns=BASE), values, folder),)


def _stability(fitted: Fitted[BundleFeature]) -> dict[str, float]:
    spread = nearby_spread(fitted.trials)
    return {} if isnan(spread) else {"nearby_spread": spread}


def tags_of(trained_from: str, trained_to: str, service: str, terms: Terms) -> dict[str, str]:
    """What every version states about where it comes from."""
    return {
        "feature_service": service,
        "contract": terms.contract_checksum,
        "trained_from": trained_from,
        "trained_to": trained_to,
        "conversion_event": terms.conversion_event,
        "simulated": str(terms.is_simulated).lower(),
    }
