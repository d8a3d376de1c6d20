"""From a training set to a registered version: split, fit, evaluate, draw, bundle, register, pass the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import pandas as pd

from ml import bundle, card, gate, leakage, plots, training
from ml.bundle import BundleFeature, Header
from ml.card import Origin
from ml.datasets import Split, TrainingSet, split_by_time
from ml.evaluation import Scorecard, curves, evaluate, target_of
from ml.explanation import BASE, contributions
from ml.gate import GateOutcome
from ml.pipelines import PipelineBooster
from ml.policy_evaluation import PolicyComparison, compare_policies
from ml.registry import ChampionVersion, NewVersion, Registry
from ml.search import nearby_spread
from ml.specs import ModelSpec
from ml.training import Fitted

DRAWN_ROWS = 1_000


@dataclass(frozen=True)
class Terms:
    """What a release is told beside its data; `whole_sessions` is the share of sessions that hold their start."""

    contract_checksum: str
    conversion_event: str
    impression_budget: float
    is_simulated: bool
    whole_sessions: float


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
        DatasetError: the set covers fewer than two days, or a feature in it knows the answer.
    """
    split = split_by_time(data.frame, spec.horizon)
    fitted = training.fit(spec, split.train, data.features, terms.impression_budget)
    # not before the fit, which refuses rows too few to be probed
    leakage.probe(spec, data.features, split.train)
    scorecard = evaluate(fitted, split.train, split.test)
    target, score = target_of(split.test, spec.label), fitted.score(split.test)
    # what nobody was shown can't be compared
    was_shown = spec.decides and terms.conversion_event.startswith("popup_")
    policies = compare_policies(target, score, fitted.threshold) if was_shown else None
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
    origin = Origin(header.trained_from, header.trained_to, terms.is_simulated)
    version = registry.register(
        NewVersion(
            name=spec.name,
            purpose=spec.description,
            card=card.model_card(fitted, scorecard, policies, origin),
            model=_estimator(fitted),
            features=fitted.features,
            params={"family": fitted.trials[0].candidate.family, **_texts(fitted.trials[0].params)},
            metrics={**scorecard.as_metadata(), **_stability(fitted)},
            tags={
                **version_tags(header.trained_from, header.trained_to, spec.feature_service, terms),
                "data": data.fingerprint,
            },
            bundle_folder=folder / "bundle",
            digest=digest,
            plots_folder=_existing(folder / "plots"),
        )
    )
    outcome = gate.judge(scorecard, terms.whole_sessions)
    if outcome.is_passed:
        registry.promote(spec.name, version)
    elif not _may_stay(registry.champion(spec.name), terms):
        registry.retire(spec.name)
    return Release(
        version,
        digest,
        fitted.trials[0].candidate.family,
        fitted.threshold,
        scorecard,
        policies,
        outcome,
        drawn,
    )


def version_tags(trained_from: str, trained_to: str, service: str, terms: Terms) -> dict[str, str]:
    """What every version is tagged with; days are YYYY-MM-DD."""
    return {
        "feature_service": service,
        "contract": terms.contract_checksum,
        "trained_from": trained_from,
        "trained_to": trained_to,
        "conversion_event": terms.conversion_event,
        "simulated": str(terms.is_simulated).lower(),
    }


def _may_stay(champion: ChampionVersion | None, terms: Terms) -> bool:
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
    return () if found is None else (plots.draw_contributions(found.drop(columns=BASE), rows, folder),)


def _stability(fitted: Fitted[BundleFeature]) -> dict[str, float]:
    spread = nearby_spread(fitted.trials)
    return {} if isnan(spread) else {"nearby_spread": spread}


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
