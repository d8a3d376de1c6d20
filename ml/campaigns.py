"""Campaigns that a policy may choose among: when each may be shown, how, and what a conversion by it is worth."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, cast, get_args

from msgspec import Meta, Struct

from feature_repo.contract import ActivityRule, Aggregation

Name = Annotated[str, Meta(min_length=1, max_length=100)]


class Channel(StrEnum):
    """How a campaign meets a visitor; an `embed` stands in the page, and interrupts nobody."""

    POP_UP = "pop_up"
    NOTIFICATION = "notification"
    EMBED = "embed"


class Condition(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a feature has to be; one without a value is nothing of it."""

    at_least: float | None = None
    at_most: float | None = None
    equals: str | bool | float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a condition that says nothing, or that nothing fulfils."""
        if self.at_least is None and self.at_most is None and self.equals is None:
            raise ValueError('A condition has at_least, at_most or equals, as {"at_most": 600}')
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"Nothing is at least {self.at_least:g} and at most {self.at_most:g}")

    def holds(self, value: object) -> bool:
        if value is None or (self.equals is not None and value != self.equals):
            return False
        if self.at_least is None and self.at_most is None:
            return True
        # true counts as 1
        if not isinstance(value, int | float):
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Offer(Struct, frozen=True):
    """A campaign that may be shown to a visitor now, from a score of `threshold` on."""

    campaign: str
    channel: Channel
    threshold: float
    value: float


class Campaign(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A campaign as it is stated: `threshold` None is that of the client or the model.

    `when` is by feature of the model; or, whatever the model reads, by what was done in the session, as
    `add_to_cart.seconds_since`: an event of GA4's, or `*` for any, and a rule of the contract's.
    """

    name: Name
    channel: Channel
    threshold: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="The score, from 0 to 1, from which it may be shown."),
    ] = None
    value: Annotated[
        float, Meta(ge=0, description="What a conversion by it is worth, in any unit that is the same for all.")
    ] = 1.0
    when: dict[str, Condition] = {}

    def __post_init__(self) -> None:
        """Raises ValueError for a condition on the session by no rule."""
        _ = self.activity

    @property
    def activity(self) -> dict[str, ActivityRule]:
        """How what conditions ask of the session is built, by name."""
        return {name: _rule(name) for name in self.when if "." in name}

    def fits(self, features: Mapping[str, object]) -> bool:
        """Whether all conditions hold for a visitor of these features."""
        for name, condition in self.when.items():  # noqa: SIM110  all() takes twice as long, and this is asked most
            if not condition.holds(features.get(name)):
                return False
        return True

    def offered(self, threshold: float) -> Offer:
        """The campaign as an offer; `threshold` holds where it has none of its own."""
        return Offer(self.name, self.channel, threshold if self.threshold is None else self.threshold, self.value)


def _rule(name: str) -> ActivityRule:
    event, _, aggregation = name.partition(".")
    if not event or aggregation not in get_args(Aggregation):
        known = ", ".join(get_args(Aggregation))
        raise ValueError(f"{name!r} is no rule: an event, a dot and one of {known} are, as add_to_cart.seconds_since")
    return ActivityRule(event, cast("Aggregation", aggregation))
