"""A new version against the champion: the gate, then the shadow, then the alias; whatever can't be told leaves it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from ml import gate, trial
from ml.bundle import Bundle, BundleError
from ml.comparison import Comparison, compare
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import Scorecard
from ml.gate import GateOutcome
from ml.promotion import DATA_UNTIL, Seat
from ml.registry import CHALLENGER, Registry, RegistryError
from ml.shadow import decided, shadow
from ml.specs import ModelSpec
from ml.terms import Terms, has_budget, may_stay
from ml.versions import ChampionVersion


@dataclass(frozen=True)
class Challenge:
    """A registered version of a yes-or-no model, all rows that there were, the test rows of them, its figures there."""

    spec: ModelSpec
    version: str
    frame: pd.DataFrame
    test: pd.DataFrame
    scorecard: Scorecard


def contest(challenge: Challenge, registry: Registry, terms: Terms) -> GateOutcome:
    """Make a version champion if it may be; the outcome says why it is or is not, and who decides then."""
    name = challenge.spec.name
    version, champion = registry.version(name, challenge.version), registry.champion(name)
    evidence: dict[str, Any] = {
        DATA_UNTIL: challenge.frame[EVENT_TIMESTAMP].max().isoformat(),
        "figures": challenge.scorecard.as_metadata(),
        "asked": dict(terms.asked),
    }
    threshold = registry.threshold(name)
    try:
        challenger = trial.load(registry, version).showing_from(threshold)
    except BundleError as unsound:
        outcome = GateOutcome(False, str(unsound))
    else:
        before = _comparable(registry, champion, challenge.spec, terms)
        before = before and before.showing_from(threshold)
        # whoever sets the threshold has decided how many are shown
        budget = terms.impression_budget if threshold is None else 1.0
        outcome, comparison = _gate(challenge, challenger, before, replace(terms, impression_budget=budget))
        evidence |= {"comparison": comparison.as_metadata()} if comparison else {}
        if outcome.is_passed and challenge.spec.decides:
            registry.point(name, CHALLENGER, version.version)
            readers = [one for one in (challenger, before) if one]
            read = {feature.name for one in readers for feature in one.features}
            report = shadow(challenger, before, decided(terms.logged, challenge.frame, read))
            evidence["shadow"] = asdict(report)
            outcome = _both(outcome, gate.judge_shadow(report, budget))
    return Seat(registry, name).conclude(version.version, outcome, champion, may_stay(champion, terms), evidence)


def _gate(
    challenge: Challenge, challenger: Bundle, champion: Bundle | None, terms: Terms
) -> tuple[GateOutcome, Comparison | None]:
    """The gate's answer, with the comparison that it rests on, if there is one."""
    spec, card = challenge.spec, challenge.scorecard
    outcome = gate.judge(card, terms.whole_sessions)
    if outcome.is_passed and spec.decides:
        affordable = gate.judge_impressions(card.impressions_share, terms.impression_budget)
        outcome = outcome if affordable.is_passed else affordable
    if not outcome.is_passed or champion is None:
        return outcome, None
    comparison = compare(champion, challenger, spec, challenge.test, terms.impression_budget)
    return gate.judge_against(comparison, spec.decides), comparison


def _both(gate_says: GateOutcome, shadow_says: GateOutcome) -> GateOutcome:
    if not shadow_says.is_passed:
        return shadow_says
    return GateOutcome(True, f"{gate_says.reason} {shadow_says.reason}")


def _comparable(registry: Registry, champion: ChampionVersion | None, spec: ModelSpec, terms: Terms) -> Bundle | None:
    """The champion's bundle; None where it can't be loaded, or answers another question.

    So it is where it learnt another event, reads another contract, or decides for another impression budget.
    """
    if champion is None or not gate.may_stay(champion, terms.conversion_event, terms.contract_checksum):
        return None
    if spec.decides and not has_budget(champion, terms):
        return None
    try:
        return trial.load(registry, champion)
    except (BundleError, RegistryError):
        # nothing that decides could load it either
        return None
