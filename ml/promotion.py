"""Who becomes champion, and who no more: each move compares, sets, and is put on record, whoever asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from ml.gate import GateOutcome
from ml.ledger import Kind, Ledger, Move, State
from ml.registry import CHALLENGER, CHAMPION, LAST_CHAMPION, Registry, RegistryError
from ml.trial import Read, reader_of
from ml.versions import ChampionVersion

GATE = "gate"
ELSEWHERE = "somebody outside of the ledger"
DATA_UNTIL = "data_until"
"""The evidence that says up to which moment a move had seen data, in ISO format."""


class ChampionMoved(RegistryError):  # noqa: N818 - says what happened
    """Another version became champion meanwhile; the message names it."""

    code = "E_CHAMPION_MOVED"


@dataclass(frozen=True)
class Order:
    """Who or what asks for a move, why, and by which figures, as JSON values.

    Raises:
        RegistryError: nobody asks, or for no reason.
    """

    asked_by: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("who asks", self.asked_by), ("the reason", self.reason)):
            if not value.strip():
                raise RegistryError(f"Nobody could tell later why: {name} is {value!r}, and a few words are needed.")


def seen_until(day: date, zone: tzinfo) -> dict[str, str]:
    """The evidence of a move that had seen the data of all days until `day`, on the property's clock."""
    return {DATA_UNTIL: datetime.combine(day + timedelta(days=1), time(), zone).isoformat()}


@dataclass(frozen=True)
class Seat:
    """The champion's seat of a model; `read` is the trial load of who is to take it, by default that of its users."""

    registry: Registry
    model: str
    read: Read | None = None

    @property
    def ledger(self) -> Ledger:
        return self.registry.ledger

    def promote(self, version: str, order: Order, expected: str | None) -> Move:
        """Make a version champion in the place of the `expected` one, after a trial load; None expects nobody.

        Raises:
            ChampionMoved: the champion is another than the expected one.
            RegistryError: there is no such version, it lacks its bundle, or it is champion already.
            BundleError: the bundle does not load, or could not decide.
        """
        return self._move(Kind.PROMOTE, self._tried(version), expected, order)

    def roll_back(self, order: Order, expected: str | None = None) -> Move:
        """Make the champion's predecessor champion again, after a trial load.

        Raises:
            ChampionMoved: the champion is another than the `expected` one, if one is.
            RegistryError: there is no champion, none before it, or that one reads another contract.
            BundleError: the predecessor's bundle does not load, or could not decide.
        """
        self.settle()
        champion, before = self.registry.champion(self.model), self.ledger.predecessor(self.model)
        if champion is None or before is None:
            known = f"version {champion.version} is its first" if champion else "nobody is champion"
            raise RegistryError(
                f"{self.model} has no champion to go back to: {known}. `tactful models retire` leaves it without one."
            )
        stored = self._tried(before)
        contract, now = (version.tags.get("contract", "none")[:12] for version in (stored, champion))
        if contract != now:
            raise RegistryError(
                f"Version {before} of {self.model} reads the contract {contract}, and version {champion.version} "
                f"{now}: train again, or promote the version that you want."
            )
        return self._move(Kind.ROLLBACK, stored, expected or champion.version, order)

    def retire(self, order: Order, expected: str) -> Move:
        """Leave the seat of the `expected` champion to nobody, so that serving leaves visitors alone.

        Raises:
            ChampionMoved: the champion is another than the expected one.
        """
        return self._move(Kind.RETIRE, None, expected, order)

    def conclude(
        self,
        version: str,
        outcome: GateOutcome,
        champion: ChampionVersion | None,
        may_stay: bool,
        evidence: Mapping[str, Any],
    ) -> GateOutcome:
        """What a release ends with: who passed is promoted; else the `champion` stays if it may, or has to go.

        Where another became champion since `champion` was looked up, nothing moves. The outcome says so, as does the
        version's card.
        """
        concluded = self._concluded(version, Order(GATE, outcome.reason, evidence), outcome, champion, may_stay)
        self.registry.add_evidence(self.model, version, {}, f"## The gate\n\n{concluded.reason}")
        return concluded

    def settle(self) -> None:
        """Put on record how moves ended whose process died, and a champion that was made elsewhere."""
        with self.ledger.turn():
            self._settle()

    def _concluded(
        self, version: str, order: Order, outcome: GateOutcome, champion: ChampionVersion | None, may_stay: bool
    ) -> GateOutcome:
        if not outcome.is_passed and champion is not None:
            fate = (
                "stays champion"
                if may_stay
                else "is champion no more: data are not whole, or it learnt another event or contract"
            )
            outcome = GateOutcome(False, f"{outcome.reason} Version {champion.version} {fate}.")
        try:
            if outcome.is_passed:
                self.promote(version, order, champion.version if champion else None)
            elif champion is not None and not may_stay:
                self.retire(replace(order, reason=outcome.reason), champion.version)
        except ChampionMoved as moved:
            return GateOutcome(False, str(moved))
        return outcome

    def _tried(self, version: str) -> ChampionVersion:
        return self.registry.checked(self.model, version, self.read or reader_of(self.model))

    def _move(self, kind: Kind, to: ChampionVersion | None, expected: str | None, order: Order) -> Move:
        with self.ledger.turn():
            self._settle()
            champion = self.registry.champion(self.model)
            self._refuse(champion, to, expected)
            intended = self.ledger.append(
                Move(
                    self.model,
                    kind,
                    State.INTENDED,
                    *_named(champion),
                    *_named(to),
                    asked_by=order.asked_by,
                    reason=order.reason,
                    evidence=order.evidence,
                )
            )
            if to is None and champion is not None:
                # people may have moved the alias since the last promotion
                self.registry.point(self.model, LAST_CHAMPION, champion.version)
            self.registry.point(self.model, CHAMPION, to.version if to else None)
            self._follow(to)
            return self.ledger.settle(intended, State.DONE)

    def _refuse(self, champion: ChampionVersion | None, to: ChampionVersion | None, expected: str | None) -> None:
        now = champion.version if champion else None
        if now != expected:
            raise ChampionMoved(
                f"{ChampionMoved.code}: the champion of {self.model} is {_told(now)} now, and {_told(expected)} was "
                "expected: look at it, and ask again."
            )
        if to is not None and to.version == now:
            raise RegistryError(f"Version {now} of {self.model} is champion already.")

    def _settle(self) -> None:
        champion = self.registry.champion(self.model)
        version, digest = _named(champion)
        for move in self.ledger.unsettled(self.model):
            is_there = move.to_version == version
            if is_there:
                self._follow(champion)
            self.ledger.settle(move, State.DONE if is_there else State.ABANDONED)
        moves = self.ledger.moves(self.model)
        before = (moves[-1].to_version, moves[-1].to_digest) if moves else (None, None)
        if before != (version, digest):
            reason = "The alias was moved in MLflow itself, or before there was a ledger."
            self.ledger.append(Move(self.model, Kind.FOUND, State.DONE, *before, version, digest, ELSEWHERE, reason))

    def _follow(self, champion: ChampionVersion | None) -> None:
        """Let the other aliases follow: who was champion last, and that the champion is a challenger no more."""
        if champion is None:
            return
        self.registry.point(self.model, LAST_CHAMPION, champion.version)
        if self.registry.version_at(self.model, CHALLENGER) == champion:
            self.registry.point(self.model, CHALLENGER, None)


def _named(version: ChampionVersion | None) -> tuple[str | None, str | None]:
    return (version.version, version.digest) if version else (None, None)


def _told(version: str | None) -> str:
    return f"version {version}" if version else "nobody"
