"""Which visitors go where: shares of them, drawn by their ids, and what of it a client has switched on."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from ml import policy
from ml.campaigns import Channel, Offer
from ml.policy import Choice
from serving.champions import Champion, Served
from serving.clients import Clients
from serving.following import Followed

log = logging.getLogger(__name__)

ShareOf = Callable[[str], float]
"""A share between 0 and 1, by client."""


@dataclass(frozen=True)
class Traffic:
    """What happens besides the champion's deciding by its threshold; None is nothing of it for anybody.

    `exploration_of` is the share of decisions whose action is drawn, `challenger_of` that of visitors for whom the
    challenger decides, and `shadow_share` that of the champion's decisions beside which the challenger scores.
    """

    exploration_of: ShareOf | None = None
    challenger_of: ShareOf | None = None
    shadow_share: float = 1.0
    _alike: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def by(cls, clients: Followed[Clients], shadow_share: float = 1.0) -> Self:
        """As clients have it set at each moment."""
        return cls(
            lambda client: clients.value.of(client).exploration,
            lambda client: clients.value.of(client).challenger_share,
            shadow_share,
        )

    def is_tried(self, client: str, user_pseudo_id: str, served: Served) -> bool:
        """Whether a visitor is the challenger's; without a champion nobody is, since somebody took that away.

        Nor is anybody that of one which reads other features: it would refuse the profile that the champion reads.
        """
        if self.challenger_of is None or served.challenger is None or served.champion is None:
            return False
        salt = f"{served.challenger.bundle.header.model} {served.challenger.digest}"
        if not is_in_share(user_pseudo_id, salt, self.challenger_of(client)):
            return False
        return self._reads_alike(served.challenger, served.champion)

    def _reads_alike(self, challenger: Champion, champion: Champion) -> bool:
        """Whether both read the same features; worked out, and told where they don't, once."""
        pair = challenger.digest, champion.digest
        if pair not in self._alike:
            self._alike[pair] = challenger.bundle.features == champion.bundle.features
            if not self._alike[pair]:
                name = f"{challenger.bundle.header.model} {challenger.version}"
                log.warning("Challenger %s decides for nobody: it reads other features than the champion.", name)
        return self._alike[pair]

    def explored(
        self,
        choice: Choice,
        score: float | None,
        client: str,
        decision_id: str,
        offers: Sequence[Offer] | None = None,
    ) -> Choice:
        """`choice`, or what is drawn in its place; without a score nobody is interrupted, be it to learn."""
        if self.exploration_of is None or score is None or not (share := self.exploration_of(client)):
            return choice
        return policy.explore(choice, share, drawn_for_exploration(decision_id), offers)

    def rest(self, score: float | None, client: str, decision_id: str, offers: Sequence[Offer] | None) -> Choice | None:
        """What would be chosen, or drawn, of the offers that interrupt nobody; None where there are none."""
        if not offers or score is None or not (embeds := [each for each in offers if each.channel is Channel.EMBED]):
            return None
        return self.explored(policy.choose(embeds, score), score, client, decision_id, embeds)


def is_in_share(user_pseudo_id: str, salt: str, share: float) -> bool:
    """Whether a visitor is in a share of all: always the same for the same salt, and still so when the share grows.

    Another salt draws anew, whoever was in the share of this one.
    """
    drawn = hashlib.blake2b(user_pseudo_id.encode(), key=hashlib.sha256(salt.encode()).digest(), digest_size=8)
    return int.from_bytes(drawn.digest(), "big") < share * 2**64


def drawn_for_exploration(decision_id: str) -> float:
    """A number in [0, 1) from the first random bits of a decision's id, so that the draw is on record with it."""
    return int(decision_id[15:18] + decision_id[20:23], 16) / 2**24


def drawn_for_shadow(decision_id: str) -> float:
    """The same from its last bits: who is scored in the shadow says nothing of who is explored."""
    return int(decision_id[-12:], 16) / 2**48
