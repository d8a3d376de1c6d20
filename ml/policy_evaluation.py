"""What a policy would have shown and kept: where in fact everybody was shown, or by a log of drawn actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation import Scores, Target
from ml.intervals import Interval, wilson

KEEPS_ENOUGH = 0.9
"""The share of conversions that a model must be sure to keep before it may decide for everybody."""

_CLOSE = 0.05
_LEAST_SPREAD = 0.9 * 0.1

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares of the rows that thresholds on offer show, as far as equal scores let them."""


@dataclass(frozen=True)
class PolicyOutcome:
    """What a policy shows and what comes of it; the interval of the rate is Wilson's."""

    impressions: int
    conversions: int
    conversion_rate: Interval


@dataclass(frozen=True)
class ThresholdChoice:
    """What a threshold shows of rows and keeps of their conversions; the interval is Wilson's."""

    threshold: float
    impressions_share: float
    conversions_kept: Interval


@dataclass(frozen=True)
class PolicyComparison:
    """Showing the pop-up always beside showing it at or above the threshold, on the same test rows."""

    always: PolicyOutcome
    model: PolicyOutcome
    conversions_kept: Interval


def compare_policies(target: Target, score: Scores, threshold: float) -> PolicyComparison:
    """What the model's threshold would have shown and kept of rows that were all shown."""
    shown = score >= threshold
    always, model = _outcome(target), _outcome(target[shown])
    return PolicyComparison(always, model, wilson(model.conversions, always.conversions))


def recommendation(policies: PolicyComparison, cannot_tell: bool) -> str:
    """What to do with a model, as far as its test days can say; `cannot_tell` it from chance is the first question.

    Source of the count: the normal approximation of a share's interval, `1.96**2 * p * (1 - p) / 0.05**2`.
    """
    kept, shown = policies.conversions_kept, policies.model.impressions / max(policies.always.impressions, 1)
    if cannot_tell:
        return "Leave visitors to the policy that they have now, and judge again with more days."
    if kept.low >= KEEPS_ENOUGH:
        return f"Let it decide: it shows {shown:.0%} of the pop-ups, and keeps at least {kept.low:.0%} of conversions."
    needed = ceil(1.96**2 * max(kept.value * (1 - kept.value), _LEAST_SPREAD) / _CLOSE**2)
    times = needed / policies.always.conversions
    return (
        f"Try it on some of the visitors, beside showing always to others: it shows {shown:.0%} of the pop-ups, and "
        f"may keep anything from {kept.low:.0%} to {kept.high:.0%} of the conversions. {needed:,} conversions, "
        f"{times:.0f} times as many as on these test days, would tell within {100 * _CLOSE:.0f} points."
    )


def threshold_choices(target: Target, score: Scores) -> Sequence[ThresholdChoice]:
    """What other thresholds would show and keep, from few shown to all."""
    thresholds = np.unique(np.quantile(score, [1 - share for share in SHARES], method="lower"))[::-1]
    return [
        ThresholdChoice(
            float(threshold),
            float((score >= threshold).mean()),
            wilson(int(target[score >= threshold].sum()), int(target.sum())),
        )
        for threshold in thresholds
    ]


def inverse_propensity(
    target: Target, action: NDArray[Any], logged_action: NDArray[Any], action_probability: NDArray[np.float64]
) -> float:
    """The conversion rate that a policy would have had which takes each `action`, by another's log.

    An action is whether something is shown; where campaigns are chosen among, it is which one, or nothing. The other
    policy drew it, and it came with `action_probability`, which is above 0. Without bias as long as each action that
    the policy takes could have come; log rows where it couldn't would be missed silently.
    Source: Horvitz and Thompson (1952).
    """
    return float(np.mean(target * (action == logged_action) / action_probability))


def _outcome(target: Target) -> PolicyOutcome:
    conversions = int(target.sum())
    return PolicyOutcome(len(target), conversions, wilson(conversions, len(target)))
