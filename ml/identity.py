"""Which group of users is which, from one clustering to the next: ids and names that stay, and a ledger of what ends.

K-Means numbers its groups anew each time. Here both clusterings are asked about the same users, those of today. A group
is the segment that it was if most of the users whom the segment holds by the older clustering are in it, and most of
its own users come from there. No two groups can claim one segment by this rule, so that there is nothing to optimise
and no name that could be handed on to the next best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.personas import name_segments

Groups = NDArray[np.intp]
Profile = Mapping[str, float]
Kind = Literal["birth", "split", "merge", "death"]


@dataclass(frozen=True)
class Identity:
    """A segment as people and campaigns know it: an id such as `S4`, which is never given twice, and a name."""

    id: str
    name: str

    @property
    def number(self) -> int:
        return int(self.id[1:])


@dataclass(frozen=True)
class Event:
    """What became of a segment on a `day` (YYYY-MM-DD) of clustering; `others` are the ids it came from or went to.

    A `birth` is of users from several segments, a `split` mostly of one. After a `merge` most of its users are in one
    other segment, after a `death` in several.
    """

    day: str
    kind: Kind
    id: str
    name: str
    users: int
    others: tuple[str, ...]

    def __str__(self) -> str:
        told = {"birth": "is new", "split": "split off", "merge": "merged", "death": "ended"}[self.kind]
        toward = {"birth": "with users of", "split": "from", "merge": "into", "death": "with users now in"}[self.kind]
        others = f" {toward} {', '.join(self.others)}" if self.others else ""
        return f"{self.id} {self.name} ({self.users:,} users) {told}{others}"


@dataclass(frozen=True)
class Past:
    """The clustering before: its segments, the position among them of each user, and how many ids were given so far."""

    identities: tuple[Identity, ...]
    groups: Groups
    ids_given: int


@dataclass(frozen=True)
class Continuity:
    """The identity of each group, and what ended and began.

    `kept` is the share of users who are in the segment that they were in, NaN for the first clustering.
    """

    identities: tuple[Identity, ...]
    events: tuple[Event, ...]
    kept: float
    ids_given: int


def follow(past: Past, groups: Groups, profiles: Sequence[Profile], day: str) -> Continuity:
    """Identities for `groups`, each user's position in `profiles`, given those that the same users had.

    Names of new segments are told from the profiles of their centres, and are never those of a segment that stays.
    """
    shared = _shared(past, groups, len(profiles))
    kept = _kept(shared)
    stays = {group: past.identities[segment] for segment, group in kept.items()}
    new = sorted(set(range(len(profiles))) - set(stays), key=lambda group: _order(groups, group))
    names = name_segments([profiles[group] for group in new], taken=[identity.name for identity in stays.values()])
    born = {
        group: Identity(f"S{past.ids_given + number}", name)
        for number, (group, name) in enumerate(zip(new, names, strict=True), start=1)
    }
    now = tuple({**stays, **born}[group] for group in range(len(profiles)))
    ended = [segment for segment in range(len(past.identities)) if segment not in kept]
    events = (
        *(_ending(past.identities[segment], shared[segment], now, day) for segment in ended),
        *(_beginning(now[group], shared[:, group], int((groups == group).sum()), past, day) for group in new),
    )
    stayed = sum(int(shared[segment, group]) for segment, group in kept.items())
    share = stayed / len(groups) if past.identities else float("nan")
    return Continuity(now, events, share, past.ids_given + len(new))


def _shared(past: Past, groups: Groups, size: int) -> Groups:
    """Users by the segment they were in and the group they are in."""
    shared = np.zeros((len(past.identities), size), dtype=np.intp)
    if past.identities:
        np.add.at(shared, (past.groups, groups), 1)
    return shared


def _kept(shared: Groups) -> dict[int, int]:
    """The group that each segment goes on in, of those that do."""
    is_most = (2 * shared > shared.sum(axis=1, keepdims=True)) & (2 * shared > shared.sum(axis=0))
    return {int(segment): int(group) for segment, group in np.argwhere(is_most)}


def _order(groups: Groups, group: int) -> tuple[int, int]:
    """The largest group first, and of equals the one that holds the first user: not as K-Means numbered them."""
    users = np.flatnonzero(groups == group)
    return -len(users), int(users[0]) if len(users) else len(groups)


def _ending(identity: Identity, went: Groups, now: Sequence[Identity], day: str) -> Event:
    users = int(went.sum())
    others = _by_users(went, [other.id for other in now])
    is_merged = 2 * went.max(initial=0) > users
    kind: Kind = "merge" if is_merged else "death"
    return Event(day, kind, identity.id, identity.name, users, others[:1] if is_merged else others)


def _beginning(identity: Identity, came: Groups, users: int, past: Past, day: str) -> Event:
    others = _by_users(came, [other.id for other in past.identities])
    is_split = 2 * came.max(initial=0) > users
    kind: Kind = "split" if is_split else "birth"
    return Event(day, kind, identity.id, identity.name, users, others[:1] if is_split else others)


def _by_users(users: Groups, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids of those that have users, the most first."""
    known = ((-int(count), segment) for count, segment in zip(users, ids, strict=True) if count)
    return tuple(segment for _, segment in sorted(known))
