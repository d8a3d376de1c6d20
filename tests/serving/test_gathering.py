"""Gathering: each asker gets its own answers, whatever happens to the others."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.gathering import Bounds, FullError, Gatherer

BAD = -1


class Doubler:
    """Doubles numbers, and remembers in which batches they came; a batch with a bad one fails."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        assert self.may_go_on.wait(30)
        if BAD in numbers:
            raise ValueError(f"{BAD} is in the batch")
        return [2 * number for number in numbers]


async def asked_at_once(
    doubler: Doubler, asked: Sequence[Sequence[int]], largest: int
) -> list[Sequence[int] | BaseException]:
    """What each of `asked` got, all asked in one turn of the loop."""
    gatherer = Gatherer(doubler, largest, Bounds(most_waiting=10_000))
    answers = await asyncio.gather(*(gatherer.ask(items) for items in asked), return_exceptions=True)
    gatherer.close()
    return answers


NUMBERS = st.lists(st.integers(0, 1000), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, max_size=30), st.integers(1, 8))
def test_each_asker_gets_the_answers_to_its_own_items(asked: list[list[int]], largest: int) -> None:
    doubler = Doubler()

    answers = asyncio.run(asked_at_once(doubler, asked, largest))

    assert answers == [[2 * number for number in items] for items in asked]
    assert [number for batch in doubler.batches for number in batch] == [number for items in asked for number in items]


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30), st.integers(1, 8))
def test_a_batch_is_as_large_as_may_be_and_tears_nothing_apart(asked: list[list[int]], largest: int) -> None:
    doubler = Doubler()

    asyncio.run(asked_at_once(doubler, asked, largest))

    waiting = [len(items) for items in asked]
    for batch in doubler.batches:
        taken = [waiting.pop(0)]
        while waiting and sum(taken) + waiting[0] <= largest:
            taken.append(waiting.pop(0))
        assert len(batch) == sum(taken)
    assert waiting == []


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS | st.just([BAD]), max_size=30), st.integers(1, 8))
def test_a_batch_that_fails_fails_nobody_else(asked: list[list[int]], largest: int) -> None:
    doubler = Doubler()

    answers = asyncio.run(asked_at_once(doubler, asked, largest))

    batches = iter(doubler.batches)
    remaining: list[int] = []
    for items, answer in zip(asked, answers, strict=True):
        if not remaining:
            batch = next(batches)
            remaining = list(batch)
        assert isinstance(answer, ValueError) == (BAD in batch)
        assert isinstance(answer, ValueError) or answer == [2 * number for number in items]
        del remaining[: len(items)]


def test_what_waits_while_a_batch_is_in_work_is_the_next_one() -> None:
    async def ask() -> None:
        doubler = Doubler()
        doubler.may_go_on.clear()
        gatherer = Gatherer(doubler)
        first = gatherer.ask([1])
        while not doubler.batches:
            await asyncio.sleep(0)
        others = [gatherer.ask([number]) for number in (2, 3, 4)]
        doubler.may_go_on.set()

        assert await asyncio.gather(first, *others) == [[2], [4], [6], [8]]
        assert doubler.batches == [[1], [2, 3, 4]]
        gatherer.close()

    asyncio.run(ask())


def test_more_than_may_wait_is_refused_at_once_and_taken_again_later() -> None:
    async def ask() -> None:
        doubler = Doubler()
        doubler.may_go_on.clear()
        gatherer = Gatherer(doubler, 2, Bounds(most_waiting=3))
        taken = [gatherer.ask([1, 2]), gatherer.ask([3])]
        assert gatherer.is_full
        with pytest.raises(FullError):
            gatherer.ask([4])
        doubler.may_go_on.set()

        assert await asyncio.gather(*taken) == [[2, 4], [6]]
        assert await gatherer.ask([4]) == [8]
        gatherer.close()

    asyncio.run(ask())


def test_a_whole_batch_that_waits_is_enough_where_batches_have_been_late_for_long() -> None:
    async def ask() -> None:
        now, batches, may_end = 0.0, [], threading.Semaphore(0)

        def work(numbers: Sequence[int]) -> Sequence[int]:
            batches.append(list(numbers))
            assert may_end.acquire(timeout=30)
            return numbers

        async def until_in_work(batch: list[int]) -> None:
            while batches[-1:] != [batch]:
                await asyncio.sleep(0)

        gatherer = Gatherer(work, 2, Bounds(100, longest_wait=0.2, patience=0.5), clock=lambda: now)
        answers = [gatherer.ask([1])]
        await until_in_work([1])
        answers += [gatherer.ask([2, 2]), gatherer.ask([3, 3])]
        # the batch in work stands still: no batch was late yet
        now = 0.3
        assert not gatherer.is_full
        may_end.release()
        await until_in_work([2, 2])
        now = 0.7
        assert not gatherer.is_full
        now = 0.8
        assert gatherer.is_full
        may_end.release()
        await until_in_work([3, 3])
        answers += [gatherer.ask([4, 4])]
        assert not gatherer.is_full
        # this one comes in time, so that lateness would begin anew
        may_end.release()
        await until_in_work([4, 4])
        answers += [gatherer.ask([5, 5])]
        now = 1.2
        assert not gatherer.is_full
        may_end.release(2)

        assert [list(await each) for each in answers] == [[1], [2, 2], [3, 3], [4, 4], [5, 5]]
        gatherer.close()

    asyncio.run(ask())


def test_where_nothing_begins_any_more_a_whole_batch_that_waits_is_enough() -> None:
    async def ask() -> None:
        now, doubler = 0.0, Doubler()
        doubler.may_go_on.clear()
        gatherer = Gatherer(doubler, 2, Bounds(100, longest_wait=0.2, patience=0.5), clock=lambda: now)
        answers = [gatherer.ask([1])]
        while not doubler.batches:
            await asyncio.sleep(0)
        answers.append(gatherer.ask([2]))
        now = 60.0
        assert not gatherer.is_full
        now = 0.6
        answers.append(gatherer.ask([3]))
        assert not gatherer.is_full
        now = 0.8
        assert gatherer.is_full
        doubler.may_go_on.set()

        await asyncio.gather(*answers)
        gatherer.close()

    asyncio.run(ask())


def test_who_has_gone_away_is_not_worked_for_and_disturbs_nobody() -> None:
    async def ask() -> None:
        doubler = Doubler()
        doubler.may_go_on.clear()
        gatherer = Gatherer(doubler)
        in_work = gatherer.ask([1])
        while not doubler.batches:
            await asyncio.sleep(0)
        waiting, patient = gatherer.ask([2]), gatherer.ask([3])
        in_work.cancel()
        waiting.cancel()
        doubler.may_go_on.set()

        assert await patient == [6]
        assert doubler.batches == [[1], [3]]
        gatherer.close()

    asyncio.run(ask())
