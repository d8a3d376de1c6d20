"""Identity of segments over time; a true group is followed by the users whom the simulated shop drew from it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from feature_repo.contract import Column
from ml import segments
from ml.identity import Continuity, Event, Identity, Past, follow
from ml.segments import Predecessor
from ml.specs import USER_SEGMENTS

BUYERS, READERS, OTHERS = (
    Identity("S1", "Loyal buyers"),
    Identity("S2", "Engaged browsers"),
    Identity("S4", "Newcomers"),
)
DAY = "2026-01-20"
PROFILES = ({"purchase": 2.0, "loyalty": 1.0}, {"cart": 2.0}, {"engagement": -1.0, "loyalty": -1.0}, {"recency": 2.0})

WEEKS, USERS, GONE_FROM, TOGETHER = 20, 600, 14, range(2, 4)
COLUMNS = tuple(
    Column(theme, "float64", "", True, theme=theme)
    for theme in ("purchase", "cart", "engagement", "recency", "loyalty")
)


def _follow(then: list[int], now: list[int], known: tuple[Identity, ...] = (BUYERS, READERS, OTHERS)) -> Continuity:
    groups = np.array(now)
    return follow(Past(known, np.array(then), 7), groups, PROFILES[: groups.max() + 1], DAY)


def _told(continuity: Continuity) -> list[str]:
    return [str(event) for event in continuity.events]


def test_a_group_that_holds_most_of_a_segment_and_little_else_is_that_segment() -> None:
    found = _follow([0, 0, 0, 1, 1, 1, 2, 2], [2, 2, 1, 1, 1, 1, 0, 0])
    assert found.identities == (OTHERS, READERS, BUYERS)
    assert found.events == ()
    assert found.kept == 7 / 8
    assert found.ids_given == 7


def test_the_first_segments_are_numbered_from_the_largest_on() -> None:
    found = follow(Past((), np.zeros(6, dtype=np.intp), 0), np.array([1, 0, 0, 0, 2, 2]), PROFILES[:3], DAY)
    assert [identity.id for identity in found.identities] == ["S1", "S3", "S2"]
    assert np.isnan(found.kept)
    assert _told(found)[0] == "S1 Loyal buyers (3 users) is new"


def test_an_id_that_was_given_before_is_not_given_again() -> None:
    found = follow(Past((), np.zeros(2, dtype=np.intp), 7), np.array([0, 1]), PROFILES[:2], DAY)
    assert {identity.id for identity in found.identities} == {"S8", "S9"}
    assert found.ids_given == 9


def test_a_segment_that_falls_into_halves_ends_and_both_are_new() -> None:
    found = _follow([0, 0, 1, 1, 1, 1, 2], [0, 0, 1, 1, 2, 2, 3])
    assert [identity.id for identity in found.identities] == ["S1", "S8", "S9", "S4"]
    assert _told(found) == [
        "S2 Engaged browsers (4 users) ended with users now in S8, S9",
        f"S8 {found.identities[1].name} (2 users) split off from S2",
        f"S9 {found.identities[2].name} (2 users) split off from S2",
    ]


def test_the_larger_part_of_a_segment_stays_it_and_the_smaller_splits_off() -> None:
    found = _follow([0, 1, 1, 1, 1, 1, 2], [0, 1, 1, 1, 2, 2, 3])
    assert [identity.id for identity in found.identities] == ["S1", "S2", "S8", "S4"]
    assert [(event.kind, event.others) for event in found.events] == [("split", ("S2",))]


def test_a_small_segment_merges_into_a_large_one_that_stays() -> None:
    found = _follow([0, 0, 0, 1, 1, 2], [0, 0, 0, 0, 0, 1])
    assert found.identities == (BUYERS, OTHERS)
    assert _told(found) == ["S2 Engaged browsers (2 users) merged into S1"]


def test_two_equal_segments_that_become_one_both_end() -> None:
    found = _follow([0, 0, 1, 1, 2], [0, 0, 0, 0, 1])
    assert found.identities[0].id == "S8"
    assert [(event.kind, event.id) for event in found.events] == [("merge", "S1"), ("merge", "S2"), ("birth", "S8")]


def test_a_name_of_a_segment_that_stays_is_given_to_no_new_one() -> None:
    found = _follow([0, 0, 0, 1, 1, 1, 1, 2, 2], [1, 1, 1, 0, 0, 2, 2, 3, 3])
    assert found.identities[1] == BUYERS
    assert [identity.name for identity in found.identities].count("Loyal buyers") == 1


groupings = st.integers(1, 4).flatmap(
    lambda size: st.lists(st.integers(0, size - 1), min_size=12, max_size=12).filter(
        lambda groups: len(set(groups)) == size
    )
)


@given(groupings, groupings, st.data())
def test_m11_how_k_means_numbers_its_groups_changes_nothing(
    then: list[int], now: list[int], data: st.DataObject
) -> None:
    known = tuple(Identity(f"S{number}", f"Segment {number}") for number in range(1, max(then) + 2))
    groups, size = np.array(now), max(now) + 1
    renumbered = np.array(data.draw(st.permutations(range(size))))
    profiles = [PROFILES[group] for group in range(size)]
    moved = [profiles[group] for group in np.argsort(renumbered)]
    past = Past(known, np.array(then), 7)

    one = follow(past, groups, profiles, DAY)
    other = follow(past, renumbered[groups], moved, DAY)

    assert [one.identities[group] for group in groups] == [other.identities[group] for group in renumbered[groups]]
    assert (one.events, one.kept) == (other.events, other.kept)


@given(groupings, groupings)
def test_what_is_not_kept_stands_in_the_ledger(then: list[int], now: list[int]) -> None:
    known = tuple(Identity(f"S{number}", f"Segment {number}") for number in range(1, max(then) + 2))
    found = _follow(then, now, known)
    events = {kind: {event.id for event in found.events if event.kind in kind} for kind in ("birthsplit", "mergedeath")}

    assert set(known) - set(found.identities) == {identity for identity in known if identity.id in events["mergedeath"]}
    assert {identity.id for identity in set(found.identities) - set(known)} == events["birthsplit"]
    assert len({identity.id for identity in found.identities}) == len(found.identities)
    assert len({identity.name for identity in found.identities}) == len(found.identities)


Users = tuple[pd.DataFrame, NDArray[np.intp]]


def _drawn(centres: NDArray[np.float64], shares: NDArray[np.float64], rng: np.random.Generator) -> Users:
    """Users, and the group that each was drawn from."""
    truth = rng.choice(len(shares), USERS, p=shares / shares.sum())
    frame = pd.DataFrame(centres[truth] + rng.normal(0, 0.7, (USERS, 5)), columns=[column.name for column in COLUMNS])
    return frame, truth


def _drifting(week: int, rng: np.random.Generator) -> Users:
    """Groups drift, grow and shrink, and one ends."""
    turn = 2 * np.pi * week / WEEKS
    centres = np.array(
        [
            [3.0, 1.0, 1.0, -1.0 + np.sin(turn), 1.0],
            [0.0, 3.0 - 0.08 * week, 1.0, 0.0, -1.0],
            [-1.0, -1.0, 2.5 * np.cos(turn / 4), 2.0 + 0.05 * week, 0.0],
            [-1.0, -1.0, -2.0, -2.0 + 0.1 * week, -2.0 + 0.1 * week],
        ]
    )
    shares = np.array([0.1 + 0.01 * week, 0.3 - 0.01 * week if week < GONE_FROM else 0.0, 0.3, 0.3])
    return _drawn(centres, shares, rng)


def _meeting(week: int, rng: np.random.Generator) -> Users:
    """Four groups as far from each other; the second joins the third for the weeks of TOGETHER, and leaves it again."""
    centres = 5 * np.eye(4, 5)
    if week in TOGETHER:
        centres[1] = centres[2]
    return _drawn(centres, np.array([0.2, 0.2, 0.3, 0.3]), rng)


@dataclass(frozen=True)
class Change:
    """A week in which a true group had another identity than the week before."""

    week: int
    group: int
    then: Identity
    now: Identity


@dataclass
class Story:
    """What became of the true groups, each followed by the segment that most of its users are in."""

    known: dict[int, Identity] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    places: set[tuple[int, int]] = field(default_factory=set)
    ledger: tuple[Event, ...] = ()


def _told_over(weeks: int, users: Callable[[int, np.random.Generator], Users]) -> Story:
    rng, before, story = np.random.default_rng(4), Predecessor(), Story()
    for week in range(weeks):
        frame, truth = users(week, rng)
        # another seed each week, so that K-Means numbers its groups otherwise
        spec = replace(USER_SEGMENTS, sizes=(3, 4, 5), initialisations=4, resamples=3, seed=week)
        found, report = segments.fit(spec, frame, COLUMNS, f"week {week}", before)
        for group in sorted(set(truth.tolist())):
            place = int(pd.Series(found.groups(frame)[truth == group]).mode()[0])
            now, then = found.identities[place], story.known.get(group)
            if then is not None and now != then:
                story.changes.append(Change(week, group, then, now))
            story.known[group] = now
            story.places.add((group, place))
        before = Predecessor(found, report.continuity.ids_given)
        story.ledger = found.ledger
    return story


def test_over_twenty_weeks_of_drift_no_name_silently_swaps_between_two_true_groups() -> None:
    story = _told_over(WEEKS, _drifting)
    assert len(story.places) > 12
    assert story.changes == []
    assert story.known[1].id in {event.id for event in story.ledger if event.kind in ("merge", "death")}


def test_where_true_groups_meet_and_part_the_ledger_tells_each_change_of_identity() -> None:
    story = _told_over(TOGETHER.stop + 2, _meeting)
    met, parted = story.changes
    told = {(event.day, event.id): event.kind for event in story.ledger}
    assert (met.week, met.group, parted.week, parted.group) == (TOGETHER.start, 1, TOGETHER.stop, 1)
    assert told[f"week {met.week}", met.then.id] in ("merge", "death")
    assert told[f"week {parted.week}", parted.now.id] in ("birth", "split")
    assert len({met.then.id, met.now.id, parted.now.id}) == 3
