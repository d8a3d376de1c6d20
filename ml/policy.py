"""What to do with a score: pure rules, no I/O, shared by the decision service and the evaluation."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a visitor may be shown."""

    SHOW = "show"
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why an action was chosen."""

    ABOVE_THRESHOLD = "score_at_or_above_threshold"
    BELOW_THRESHOLD = "score_below_threshold"
    NO_CHAMPION = "no_champion"
    FEATURES_UNAVAILABLE = "features_unavailable"


@dataclass(frozen=True)
class Choice:
    """An action, why it was chosen, and the probability with which this policy chooses it."""

    action: Action
    reason: Reason
    action_probability: float


def decide(score: float, threshold: float) -> Choice:
    """Show at or above the threshold, otherwise leave the visitor alone.

    Raises:
        ValueError: score or threshold is not a probability.
    """
    for name, value in (("score", score), ("threshold", threshold)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}; a probability between 0 and 1 is needed.")
    if score >= threshold:
        return Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0)
    return Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)


def fall_back(reason: Reason) -> Choice:
    """The choice when no trustworthy score can be had: do not interrupt."""
    return Choice(Action.NOTHING, reason, 1.0)
