"""A store that hangs, fails or comes back, and what is told of it meanwhile."""

import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest

from feature_repo.stored_rows import StoredRows
from serving.features import FeaturesUnavailableError, UnknownFeaturesError, Views
from serving.patience import READERS, FeaturesInTime

VIEWS = {"user_features": {"spend_usd": "float64"}}
ROWS = {"user_features": StoredRows({"spend_usd": [31.5]}, [1])}


class Store:
    """A store that can be made to hang until it is let go, or to fail."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.is_at_hand = False
        self.asked: list[Sequence[str]] = []
        self.asked_by = ""

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:  # noqa: ARG002
        self.asked.append(users)
        self.asked_by = threading.current_thread().name
        assert self.answers.wait(60)
        if self.error is not None:
            raise self.error
        return ROWS

    def read_at_once(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows] | None:
        return self.read(users, views) if self.is_at_hand else None

    def erase(self, user: str) -> None:
        self.asked.append([user])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.answers.set()


def outcome(features: FeaturesInTime) -> str:
    try:
        assert features.read(["u"], VIEWS) == ROWS
    except FeaturesUnavailableError as error:
        return str(error)
    return "found"


def test_a_store_that_answers_is_read(store: Store) -> None:
    assert outcome(FeaturesInTime(store, deadline=30)) == "found"


def test_a_store_that_is_at_hand_is_read_by_who_asks_and_one_to_open_by_a_thread_of_its_own(store: Store) -> None:
    features = FeaturesInTime(store, deadline=30)
    assert outcome(features) == "found"
    assert store.asked_by.startswith("features")

    store.is_at_hand = True
    assert outcome(features) == "found"
    assert store.asked_by == threading.current_thread().name


def test_a_store_at_hand_that_fails_is_left_alone_too(store: Store) -> None:
    features = FeaturesInTime(store, 30, Clock())
    store.is_at_hand, store.error = True, FeaturesUnavailableError("refused")

    told = [outcome(features) for _ in range(4)]

    assert told[:3] == ["refused"] * 3
    assert told[3].endswith("is left alone for now.")


def test_without_user_features_no_store_is_asked(store: Store) -> None:
    store.answers.clear()
    assert FeaturesInTime(store, deadline=30).read(["u"], {}) == {}
    assert store.asked == []


def test_a_store_that_hangs_is_waited_for_thrice_and_then_left_alone(store: Store) -> None:
    clock = Clock()
    features = FeaturesInTime(store, 0.01, clock)
    store.answers.clear()

    told = [outcome(features) for _ in range(10)]

    assert told[:3] == ["The feature store hasn't answered within 10 ms."] * 3
    assert set(told[3:]) == {"The feature store has failed again and again, and is left alone for now."}


def test_however_often_a_store_that_hangs_is_tried_no_more_threads_hang_in_it(store: Store) -> None:
    clock = Clock()
    features = FeaturesInTime(store, 0.01, clock)
    store.answers.clear()

    for _ in range(20):
        clock.now += 1.0
        outcome(features)

    assert len(store.asked) == READERS


def test_a_store_that_has_come_back_is_read_again_after_a_second(store: Store) -> None:
    clock = Clock()
    features = FeaturesInTime(store, 30, clock)
    store.error = FeaturesUnavailableError("refused")
    assert [outcome(features) for _ in range(3)] == ["refused"] * 3
    store.error = None

    assert outcome(features) != "found"
    clock.now = 1.0
    assert [outcome(features) for _ in range(2)] == ["found"] * 2


def test_who_asks_for_features_that_there_are_not_is_no_sign_of_a_bad_store(store: Store) -> None:
    features = FeaturesInTime(store, 30, Clock())
    store.error = UnknownFeaturesError("lacks shoe_size")

    assert [outcome(features) for _ in range(10)] == ["lacks shoe_size"] * 10
