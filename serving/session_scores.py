"""Live sessions scored: looked up and scored together, as decisions are, but nothing is decided yet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from feature_repo.contract import ActivityRule
from ml import policy
from ml.policy import Reason
from serving.champions import Champion, Champions
from serving.client_rules import ClientRules
from serving.clock import microseconds
from serving.decisions import Outcome
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.session_state import Flag, Moment
from serving.traffic import Traffic
from serving.vector import FeatureVector

MODEL = "popup_behaviour"
"""Whose champion scores live sessions."""


@dataclass(frozen=True)
class Due:
    """A client's session at its moment, and the champion whose rules its activity was worked out by."""

    client: str
    champion: Champion | None
    moment: Moment


class SessionScores:
    """Scores sessions with the champions they come with and what `online` knows of their users, by clients' `rules`."""

    def __init__(
        self,
        champions: Champions,
        online: OnlineFeatures,
        rules: ClientRules,
        clock: Callable[[], int] = microseconds,
        traffic: Traffic | None = None,
    ) -> None:
        self.champions = champions
        self.online = online
        self.rules = rules
        self.clock = clock
        self.traffic = traffic or Traffic()

    def version_for(self, client: str, user_pseudo_id: str) -> Champion | None:
        """The version that scores a visitor's sessions: the champion, or the challenger for those who are its own."""
        served = self.champions.served(MODEL)
        return served.challenger if self.traffic.is_tried(client, user_pseudo_id, served) else served.champion

    def activity_rules(self, client: str, version: Champion | None) -> Mapping[str, ActivityRule]:
        """What is to be known of what is done in a client's sessions, for the version and for campaigns."""
        rules = version.assembler.rules if version else {}
        asked = self.rules.of(client).activity
        return {**rules, **asked} if asked else rules

    def score(self, batch: Sequence[Due]) -> list[Flag]:
        """The flag of each of `batch`, in their order; without a score the visitor is left alone."""
        now = self.clock()
        # one as a rule; two where a champion has just taken the place of another
        served = {id(due.champion): due.champion for due in batch}
        flags: dict[int, Flag] = {}
        for which, champion in served.items():
            places = [place for place, due in enumerate(batch) if id(due.champion) == which]
            flags |= zip(places, self._score(champion, [batch[place] for place in places], now), strict=True)
        return [flags[place] for place in range(len(batch))]

    def _score(self, champion: Champion | None, batch: Sequence[Due], now: int) -> Iterator[Flag]:
        for due, found in zip(batch, self._outcomes(champion, batch, now), strict=True):
            outcome = self._among_offers(found, due)
            yield Flag(
                scored_at=now,
                acts=due.moment.acts,
                action=outcome.choice.action,
                reason=outcome.choice.reason,
                action_probability=outcome.choice.action_probability,
                score=outcome.score,
                threshold=outcome.threshold,
                version=champion.version if champion else None,
                digest=champion.digest if champion else None,
                features=outcome.vector.values,
                feature_status=outcome.vector.freshness,
                features_missing=outcome.vector.missing,
                offer=outcome.choice.offer,
                offers=outcome.offers,
            )

    def _outcomes(self, champion: Champion | None, batch: Sequence[Due], now: int) -> list[Outcome]:
        if champion is None:
            return [Outcome(FeatureVector({}, (), {}), policy.fall_back(Reason.NO_CHAMPION))] * len(batch)
        moments = [due.moment for due in batch]
        thresholds = [self._threshold(champion, due.client) for due in batch]
        profiles = [champion.assembler.readable(moment.profile) for moment in moments]
        live = [moment.activity for moment in moments]
        assemble = partial(champion.assembler.assemble_live, profiles, live, moments=[now] * len(batch))
        try:
            stored = self.online.read([moment.user_pseudo_id for moment in moments], champion.assembler.views)
        except FeaturesUnavailableError:
            vectors, choice = assemble(stored={}).vectors, policy.fall_back(Reason.FEATURES_UNAVAILABLE)
            return [
                Outcome(vector, choice, None, threshold) for vector, threshold in zip(vectors, thresholds, strict=True)
            ]
        matrix = assemble(stored=stored)
        scores = champion.bundle.score(matrix.columns).tolist()
        return [
            Outcome(vector, policy.decide(score, threshold), score, threshold)
            for vector, score, threshold in zip(matrix.vectors, scores, thresholds, strict=True)
        ]

    def _among_offers(self, outcome: Outcome, due: Due) -> Outcome:
        score, threshold = outcome.score, outcome.threshold
        if score is None or threshold is None:
            return outcome
        if self.rules.of(due.client).activity:
            outcome = outcome.knowing(due.moment.activity)
        offers = self.rules.offers(due.client, MODEL, None, outcome.vector.values, threshold)
        return outcome if offers is None else outcome.among(offers, score)

    def _threshold(self, champion: Champion, client: str) -> float:
        its_own = self.rules.threshold(client, MODEL)
        return champion.threshold if its_own is None else its_own
