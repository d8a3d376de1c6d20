"""Killed while it writes a day online: of each user a reader finds the row before or the new one, and all of it."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing

import pandas as pd
import pytest
from feast import FeatureStore

from feature_repo.online import OnlineWrite, compare, write_newest
from tests.faults.killing import Nursery
from tests.feature_repo.conftest import TABLE

KILLS, SEED = 5, 7
USERS = [f"user {n:04}" for n in range(1_500)]
NAMES = [column.name for column in TABLE.features]

WRITE = """
import json
from pathlib import Path
from feature_repo import online
from tests.feature_repo.conftest import TABLE, open_online
from tests.feature_repo.test_f06_killed_while_writing_online import rows_of

online.CHUNK = 20

def work(home, online_store, version):
    online.write_newest(open_online(Path(home), **json.loads(online_store)), TABLE, rows_of(int(version)))
"""


def rows_of(version: int) -> pd.DataFrame:
    """A row a user, from each of whose features its version can be told."""
    at = pd.Timestamp("2026-01-06") + pd.Timedelta(days=version)
    row = {"visits": version, "spent": version / 2, "city": f"city {version}", "is_new": version % 2 == 1}
    return pd.DataFrame({"user_pseudo_id": USERS, "day": at, "feature_at": at, "known_at": at, **row})


@pytest.fixture(scope="module")
def writer() -> Iterator[Nursery]:
    with closing(Nursery(WRITE)) as writer:
        yield writer


def _versions(store: FeatureStore, users: Sequence[str]) -> list[int]:
    """The version of each user's row as it is served; all its features are of one."""
    served = store.get_online_features(
        [f"users:{name}" for name in NAMES], [{"user_pseudo_id": user} for user in users]
    ).to_dict()
    rows = list(zip(*(served[name] for name in NAMES), strict=True))
    assert set(rows) <= {(visits, visits / 2, f"city {visits}", visits % 2 == 1) for visits, *_ in rows}
    return [visits for visits, *_ in rows]


def test_f06_a_write_that_is_killed_leaves_each_user_old_or_new_and_the_next_one_writes_the_rest(
    online_store: FeatureStore, writer: Nursery
) -> None:
    moments, halves = random.Random(SEED), 0
    stated = online_store.config.online_store.model_dump(mode="json", include={"type", "path", "connection_string"})
    where = str(online_store.config.repo_path), json.dumps(stated)
    writer.left_alone(*where, "0")

    for version in range(1, KILLS + 1):
        # a write goes by the order of keys, so that the row of a user tells how far it has come
        reached, killed = moments.choice(USERS[: len(USERS) // 2]), writer.begin(*where, str(version))
        while _versions(online_store, [reached, *moments.sample(USERS, 9)])[0] < version:
            assert not killed.has_ended()
        killed.killed()

        found = set(_versions(online_store, USERS))
        assert found <= {version - 1, version}
        halves += len(found) - 1
        # its clocks are those of its row, so that nothing is taken for written that is not
        writer.left_alone(*where, str(version))
        assert compare(online_store, TABLE, rows_of(version)).different == 0
    assert halves
    assert write_newest(online_store, TABLE, rows_of(KILLS - 1)) == OnlineWrite(written=0, outdated=len(USERS))
