"""What to do with a score: pure rules, no I/O, shared by the decision service and the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    NO_FLAG = "no_flag"
    TOO_MANY_EVENTS = "too_many_events"
    NO_CHAMPION = "no_champion"
    FEATURES_UNAVAILABLE = "features_unavailable"
    EXPLORED = "explored"
    FREQUENCY_CAP = "frequency_cap"
    IMPRESSION_BUDGET = "impression_budget"


@dataclass(frozen=True)
class Choice:
    """An action, why it was chosen, and the probability with which this policy chooses it."""

    action: Action
    reason: Reason
    action_probability: float


_ABOVE = Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0)
_BELOW = Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)


def decide(score: float, threshold: float) -> Choice:
    """Show at or above the threshold, otherwise leave the visitor alone.

    Raises:
        ValueError: score or threshold is not a probability.
    """
    _refuse_improbable("score", score)
    _refuse_improbable("threshold", threshold)
    return _ABOVE if score >= threshold else _BELOW


def explore(choice: Choice, share: float, drawn: float) -> Choice:
    """A choice of the policy that, a `share` of the time, draws either action evenly in the place of `choice`.

    `drawn` is uniform in [0, 1). The reason tells who chose: it is `explored` where the action was drawn, be it the one
    that the score asks for or not. The probability is the action's, however it came about: 1 - share / 2 for the one
    that the score asks for, share / 2 for the other.

    Raises:
        ValueError: share is not a probability.
    """
    _refuse_improbable("share", share)
    if drawn >= share:
        return replace(choice, action_probability=1.0 - share / 2)
    action = Action.SHOW if drawn < share / 2 else Action.NOTHING
    return Choice(action, Reason.EXPLORED, 1.0 - share / 2 if action is choice.action else share / 2)


def hold_to_cap(choice: Choice, shown: int, cap: int) -> Choice:
    """`choice`, unless a user was `shown` as many pop-ups as the `cap` allows already, and so is surely left alone."""
    return choice if shown < cap else _left_alone(choice, Reason.FREQUENCY_CAP)


def hold_to_budget(choice: Choice, shown: int, budget: float, window: int) -> Choice:
    """`choice`, unless one more pop-up would be more than the share `budget` of `window` decisions in a row.

    `shown` is how many of the `window` - 1 before it did.
    """
    return choice if shown + 1 <= budget * window else _left_alone(choice, Reason.IMPRESSION_BUDGET)


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


def _left_alone(choice: Choice, instead: Reason) -> Choice:
    """Nothing, for sure; a choice that was nothing keeps its reason."""
    return Choice(Action.NOTHING, instead if choice.action is Action.SHOW else choice.reason, 1.0)


def _refuse_improbable(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; a probability between 0 and 1 is needed.")
