"""What each client has set for itself: one document a client, decoded as strictly as a request."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated
from urllib.parse import urlsplit

import limits
import msgspec
from msgspec import Meta, Struct

from feature_repo.contract import ActivityRule
from ml.campaigns import Campaign, Channel, Name
from serving import breaches
from serving.session_policies import PolicyName

Share = Annotated[float, Meta(ge=0, le=1)]
Threshold = Annotated[float, Meta(ge=0, le=1, description="The score, from 0 to 1, from which visitors are shown.")]


NO_CAMPAIGN = "none"
"""What the reports call that no campaign was chosen."""


class ClientsError(ValueError):
    """A client's settings can't be understood; the message names the field and what would be right."""


class ClientSettings(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A client's settings; what is left out is as if there were no document."""

    campaigns: Annotated[
        tuple[Name | Campaign, ...],
        Meta(description="What a request may name, and by itself the service chooses of those that are objects."),
    ] = ()
    thresholds: Annotated[
        dict[str, Threshold],
        Meta(description="By model, the score from which visitors are shown; before the model's own."),
    ] = {}
    frequency_cap: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Most pop-ups shown to a user on a day of UTC.")
    ] = None
    impression_budget: Annotated[
        Share | None, Meta(description="Of any thousand decisions in a row, the largest share that shows.")
    ] = None
    session_policy: Annotated[
        PolicyName | None, Meta(description="When a live session is scored, and acted on; null is the service's own.")
    ] = None
    exploration: Annotated[Share, Meta(description="Share of decisions whose action is drawn.")] = 0.0
    challenger_share: Annotated[Share, Meta(description="Share of users for whom the challenger decides.")] = 0.0
    origins: Annotated[tuple[str, ...], Meta(description="Sites whose pages may ask, as https://shop.example.")] = ()
    rate_limit: Annotated[str | None, Meta(description="Most decisions and other requests, as 600/minute.")] = None

    def __post_init__(self) -> None:
        """Raises ValueError, as msgspec asks, for what its own rules can't say."""
        if self.rate_limit is not None:
            _refuse_no_rate(self.rate_limit)
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(f"Origin {origin!r} is none; scheme, host and port are, as https://shop.example")
        times = Counter(each if isinstance(each, str) else each.name for each in self.campaigns)
        if NO_CAMPAIGN in times:
            raise ValueError(f"Campaign {NO_CAMPAIGN!r} is none in the reports; another name is right")
        for campaign in self.choosable:
            if times[campaign.name] > 1:
                raise ValueError(f"Campaign {campaign.name!r} stands twice; once is right")

    @cached_property
    def choosable(self) -> tuple[Campaign, ...]:
        """The campaigns that the service may choose among by itself."""
        return tuple(campaign for campaign in self.campaigns if isinstance(campaign, Campaign))

    @cached_property
    def named(self) -> Mapping[str, Campaign]:
        """All campaigns by name; one that is a name and no more is a pop-up that is always right."""
        plain = (name for name in self.campaigns if isinstance(name, str))
        return {name: Campaign(name, Channel.POP_UP) for name in plain} | {each.name: each for each in self.choosable}

    @cached_property
    def activity(self) -> Mapping[str, ActivityRule]:
        """What the campaigns ask of what was done in the session, by name."""
        return {name: rule for campaign in self.choosable for name, rule in campaign.activity.items()}


NOTHING_SET = ClientSettings()


@dataclass(frozen=True)
class Clients:
    """The settings of those clients that have a document."""

    settings: Mapping[str, ClientSettings] = field(default_factory=dict)

    def of(self, client: str) -> ClientSettings:
        return self.settings.get(client, NOTHING_SET)

    @cached_property
    def origins(self) -> frozenset[str]:
        """The sites of all clients: a browser asks whether it may ask before it shows a key."""
        return frozenset(origin for settings in self.settings.values() for origin in settings.origins)


def stated(document: Mapping[str, object], client: str) -> ClientSettings:
    """The settings that `document` states.

    Raises:
        ClientsError: a field is unknown or wrong.
    """
    try:
        return msgspec.convert(document, ClientSettings)
    except msgspec.ValidationError as error:
        field, told = breaches.explained(error, msgspec.json.encode(document), ClientSettings)
        at = f" at {field}" if field else ""
        raise ClientsError(f"The settings of client {client} are wrong{at}: {told}") from None


def _refuse_no_rate(text: str) -> None:
    try:
        (item,) = limits.parse_many(text)
    except ValueError:
        raise ValueError(f"Rate limit {text!r} is none; 600/minute or 20/second is right") from None
    if item.amount < 1:
        raise ValueError(f"Rate limit {text!r} lets nothing through; revoke the client's keys for that")
