"""What to do with a score: pure rules, no I/O, shared by the decision service and the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

THRESHOLD_TAG = "threshold"
"""The tag of a registered model by which the business sets its threshold, whichever version is champion."""


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
        _refuse_improbable(name, value)
    if score >= threshold:
        return Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0)
    return Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)


def threshold_set(tags: Mapping[str, str]) -> float | None:
    """The threshold that the business has set for a model, by the model's tags; None where it goes by its own.

    Raises:
        ValueError: the tag's value is no probability.
    """
    if THRESHOLD_TAG not in tags:
        return None
    told = tags[THRESHOLD_TAG]
    try:
        value = float(told)
    except ValueError:
        raise ValueError(f"Tag {THRESHOLD_TAG} is {told!r}; a probability between 0 and 1 is needed.") from None
    _refuse_improbable(f"Tag {THRESHOLD_TAG}", value)
    return value


def fall_back(reason: Reason) -> Choice:
    """The choice when no trustworthy score can be had: do not interrupt."""
    return Choice(Action.NOTHING, reason, 1.0)


def _refuse_improbable(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; a probability between 0 and 1 is needed.")
