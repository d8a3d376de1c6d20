"""Rates, in memory and in a real Redis that two services share."""

import shutil
import socket
from collections.abc import Iterator

import anyio
import pytest

from serving.limits import RateLimits
from serving.problems import RefusedError
from tests.redis_server import PROGRAM, redis_server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield f"redis://{address}/0"


async def taken(rates: RateLimits, client: str, times: int, cost: int = 1) -> int:
    """How many of `times` requests five an hour let through."""
    return sum([await _is_taken(rates, client, cost) for _ in range(times)])


async def _is_taken(rates: RateLimits, client: str, cost: int) -> bool:
    try:
        await rates.charge(client, "5/hour", cost)
    except RefusedError:
        return False
    return True


def test_a_refusal_says_when_to_come_back() -> None:
    async def ask() -> RefusedError:
        rates = RateLimits()
        await taken(rates, "c", 5)
        with pytest.raises(RefusedError) as refused:
            await rates.charge("c", "5/hour")
        return refused.value

    refused = anyio.run(ask)
    assert (refused.stated.status, refused.stated.code) == (429, "E_RATE_LIMIT")
    assert 1 <= int((refused.headers or {})["retry-after"]) <= 7200


def test_as_many_as_the_limit_says_are_let_through_for_each_client() -> None:
    async def ask() -> tuple[int, int]:
        rates = RateLimits()
        return await taken(rates, "shop", 8), await taken(rates, "blog", 8)

    assert anyio.run(ask) == (5, 5)


def test_what_costs_more_than_is_left_takes_nothing() -> None:
    async def ask() -> tuple[int, int, int]:
        rates = RateLimits()
        return await taken(rates, "c", 1, cost=4), await taken(rates, "c", 1, cost=2), await taken(rates, "c", 2)

    assert anyio.run(ask) == (1, 0, 1)


def test_services_count_together_in_redis(redis: str) -> None:
    async def ask() -> int:
        return await taken(RateLimits(redis), "shared", 4) + await taken(RateLimits(redis), "shared", 4)

    assert anyio.run(ask) == 5


def test_without_redis_each_service_counts_alone_and_soon_asks_it_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        async def ask() -> tuple[int, int]:
            rates = RateLimits(address)
            return await taken(rates, "c", 8), rates._breaker.failures

        assert anyio.run(ask) == (5, 3)
