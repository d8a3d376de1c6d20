"""What to do with a score: pure rules, no I/O, shared by the decision service and the evaluation."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from ml.campaigns import Channel, Offer

THRESHOLD_TAG = "threshold"
"""The tag of a registered model by which the business sets its threshold, whichever version is champion."""


class Action(StrEnum):
    """Whether a visitor is shown something; what that is, a campaign says."""

    SHOW = "show"
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why an action was chosen.

    `no_flag`: the live session was not scored. `too_many_events`: it is a bot's. `no_champion`: the model has no
    version that decides. `features_unavailable`: what is stored of visitors could not be had in time. `no_campaign`:
    the conditions of no campaign hold. `explored`: the action was drawn. `frequency_cap` and `impression_budget`: a
    limit of the client's.
    """

    ABOVE_THRESHOLD = "score_at_or_above_threshold"
    BELOW_THRESHOLD = "score_below_threshold"
    NO_FLAG = "no_flag"
    TOO_MANY_EVENTS = "too_many_events"
    NO_CHAMPION = "no_champion"
    FEATURES_UNAVAILABLE = "features_unavailable"
    NO_CAMPAIGN = "no_campaign"
    EXPLORED = "explored"
    FREQUENCY_CAP = "frequency_cap"
    IMPRESSION_BUDGET = "impression_budget"


class Choice(Struct, frozen=True):
    """An action, why it was chosen, and the probability with which this policy chooses it.

    What is shown is `offer`, or a pop-up of no campaign. Showing another offer is another action.
    """

    action: Action
    reason: Reason
    action_probability: float
    offer: Offer | None = None

    @property
    def campaign(self) -> str | None:
        return self.offer.campaign if self.offer else None

    @property
    def channel(self) -> Channel | None:
        if self.action is Action.NOTHING:
            return None
        return self.offer.channel if self.offer else Channel.POP_UP

    @property
    def interrupts(self) -> bool:
        return self.action is Action.SHOW and self.channel is not Channel.EMBED

    def threshold(self, otherwise: float | None) -> float | None:
        """The score from which what is shown is shown; `otherwise` is that of all else."""
        return self.offer.threshold if self.offer else otherwise


_ABOVE = Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0)
_BELOW = Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)
_NONE_FITS = Choice(Action.NOTHING, Reason.NO_CAMPAIGN, 1.0)
_value = attrgetter("value")


def decide(score: float, threshold: float) -> Choice:
    """Show at or above the threshold, otherwise leave the visitor alone.

    Raises:
        ValueError: score or threshold is not a probability.
    """
    _refuse_improbable("score", score)
    _refuse_improbable("threshold", threshold)
    return _ABOVE if score >= threshold else _BELOW


def choose(offers: Sequence[Offer], score: float) -> Choice:
    """Of the offers whose threshold the score reaches, show that of greatest value, the first of equal ones.

    It is that of greatest expected value too: how likely a conversion is, one score says of all.

    Raises:
        ValueError: the score is not a probability.
    """
    _refuse_improbable("score", score)
    if not offers:
        return _NONE_FITS
    reached = [offer for offer in offers if score >= offer.threshold]
    return Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0, max(reached, key=_value)) if reached else _BELOW


def explore(choice: Choice, share: float, drawn: float, offers: Sequence[Offer] | None = None) -> Choice:
    """A choice of the policy that, a `share` of the time, draws any action evenly in the place of `choice`.

    The actions are to do nothing and to show each of `offers`; None is the pop-up of no campaign alone. `drawn` is
    uniform in [0, 1). The reason tells who chose: it is `explored` where the action was drawn, be it the one that the
    score asks for or not. The probability is the action's, however it came about: of n actions, share / n for each, and
    1 - share more for the one that the score asks for.

    Raises:
        ValueError: share is not a probability.
    """
    _refuse_improbable("share", share)
    shown: Sequence[Offer | None] = (None,) if offers is None else offers
    if not shown:
        return choice
    likely, unlikely = 1.0 - share * len(shown) / (len(shown) + 1), share / (len(shown) + 1)
    if drawn >= share:
        return replace(choice, action_probability=likely)
    place = int(drawn / share * (len(shown) + 1))
    # a quotient may be rounded up to 1
    is_shown = place < len(shown)
    action, offer = (Action.SHOW, shown[place]) if is_shown else (Action.NOTHING, None)
    is_own = action is choice.action and offer == choice.offer
    return Choice(action, Reason.EXPLORED, likely if is_own else unlikely, offer)


def hold_to_cap(choice: Choice, shown: int, cap: int, rest: Choice | None = None) -> Choice:
    """`choice`, unless a user was interrupted (`shown`) as often as the `cap` allows already.

    `rest` is what would be chosen of the offers that interrupt nobody, if there are any, by the same draw; without it
    such a user is surely left alone.
    """
    return choice if shown < cap else _held(choice, rest, Reason.FREQUENCY_CAP)


def hold_to_budget(choice: Choice, shown: int, budget: float, window: int, rest: Choice | None = None) -> Choice:
    """`choice`, unless one more interruption would be more than the share `budget` of `window` decisions in a row.

    `shown` is how many of the `window` - 1 before it did interrupt; `rest` is as in `hold_to_cap`.
    """
    return choice if shown + 1 <= budget * window else _held(choice, rest, Reason.IMPRESSION_BUDGET)


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


def _held(choice: Choice, rest: Choice | None, limit: Reason) -> Choice:
    """What becomes of `choice` where nobody may be interrupted, be it drawn or not.

    The limit is the reason where it held something back, unless `rest` was drawn in its place.
    """
    if rest is None:
        return Choice(Action.NOTHING, limit if choice.interrupts else choice.reason, 1.0)
    is_held_back = choice.interrupts and choice.reason is not Reason.EXPLORED
    return replace(rest, reason=limit if is_held_back else choice.reason)


def _refuse_improbable(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; a probability between 0 and 1 is needed.")
