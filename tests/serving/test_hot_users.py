"""Features kept in memory: the same as the store's, for as long as they are kept."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.stored_rows import StoredRows
from serving.features import FeaturesUnavailableError, Views
from serving.hot_users import HotUsers

VIEWS = {"user_features": {"spend_usd": "float64", "country": "string"}, "user_scores": {"churn": "float64"}}
OTHERS = {"user_features": {"country": "string"}}


class Store:
    """A store of which each user's features tell who it is, and in which edition they are."""

    def __init__(self) -> None:
        self.edition = 1
        self.read_so_far: Counter[str] = Counter()
        self.is_away = False
        self.erased: set[str] = set()

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        if self.is_away:
            raise FeaturesUnavailableError
        self.read_so_far.update(users)
        return {
            view: StoredRows(
                {name: [f"{user} {view} {name} {self.edition}" for user in users] for name in types},
                [len(user) * self.edition for user in users],
            )
            for view, types in views.items()
        }

    def erase(self, user: str) -> None:
        self.erased.add(user)
        if self.is_away:
            raise FeaturesUnavailableError


class Kept:
    """A store with what is kept before it, for a second of a clock that stands still."""

    def __init__(self) -> None:
        self.store = Store()
        self.now = 0.0
        self.told: list[tuple[int, int]] = []
        self.users = HotUsers(self.store, 1.0, lambda kept, others: self.told.append((kept, others)), lambda: self.now)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@given(st.lists(st.tuples(st.lists(st.sampled_from("abcd"), min_size=1), st.sampled_from([VIEWS, OTHERS]))))
def test_what_is_kept_is_what_the_store_says(asked: list[tuple[list[str], Views]]) -> None:
    kept = Kept()

    for users, views in asked:
        assert kept.users.read(users, views) == Store().read(users, views)

    # two sets of features of each at most
    assert all(count <= 2 for count in kept.store.read_so_far.values())


def test_who_was_looked_up_within_the_second_is_not_looked_up_again(kept: Kept) -> None:
    kept.users.read(["a", "b"], VIEWS)
    kept.now = 0.9
    kept.users.read(["c", "b", "a", "c"], VIEWS)

    assert kept.store.read_so_far == {"a": 1, "b": 1, "c": 1}
    assert kept.told == [(0, 2), (2, 1)]


def test_after_the_second_the_store_is_asked_again(kept: Kept) -> None:
    kept.users.read(["a"], VIEWS)
    kept.store.edition, kept.now = 2, 1.0

    assert kept.users.read(["a"], VIEWS) == kept.store.read(["a"], VIEWS)


def test_what_cant_be_read_is_not_kept(kept: Kept) -> None:
    kept.store.is_away = True
    with pytest.raises(FeaturesUnavailableError):
        kept.users.read(["a"], VIEWS)
    kept.store.is_away = False

    assert kept.users.read(["a"], VIEWS) == Store().read(["a"], VIEWS)


def test_without_features_to_look_up_nobody_is_counted(kept: Kept) -> None:
    assert kept.users.read(["a"], {}) == {}
    assert kept.told == []


def test_who_is_erased_is_kept_no_longer_even_where_the_store_is_away(kept: Kept) -> None:
    for asked in (VIEWS, OTHERS):
        kept.users.read(["a", "b"], asked)
    kept.store.edition, kept.store.is_away = 2, True
    with pytest.raises(FeaturesUnavailableError):
        kept.users.erase("a")
    kept.store.is_away = False

    assert kept.store.erased == {"a"}
    for asked in (VIEWS, OTHERS):
        assert kept.users.read(["a"], asked) == kept.store.read(["a"], asked)
        assert kept.users.read(["b"], asked) == Store().read(["b"], asked)


def test_what_was_read_before_somebody_was_erased_is_not_kept_after_it(kept: Kept) -> None:
    read = kept.store.read

    def erased_meanwhile(users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        rows = read(users, views)
        kept.users.erase("a")
        return rows

    kept.store.read = erased_meanwhile  # type: ignore[method-assign]
    kept.users.read(["a"], VIEWS)
    kept.store.read, kept.store.edition = read, 2  # type: ignore[method-assign]

    assert kept.users.read(["a"], VIEWS) == kept.store.read(["a"], VIEWS)
