"""What a threshold would have shown and kept, beside showing always, where in fact everybody was shown."""

from dataclasses import dataclass

from scipy.stats import binomtest

from ml.evaluation import Interval, Scores, Target


@dataclass(frozen=True)
class PolicyOutcome:
    """What a policy shows and what comes of it; the interval of the rate is Wilson's."""

    impressions: int
    conversions: int
    conversion_rate: Interval


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
    return PolicyComparison(always, model, _wilson(model.conversions, always.conversions))


def _outcome(target: Target) -> PolicyOutcome:
    conversions = int(target.sum())
    return PolicyOutcome(len(target), conversions, _wilson(conversions, len(target)))


def _wilson(successes: int, trials: int) -> Interval:
    if not trials:
        return Interval(float("nan"), float("nan"), float("nan"))
    bounds = binomtest(successes, trials).proportion_ci(method="wilson")
    return Interval(successes / trials, float(bounds.low), float(bounds.high))
