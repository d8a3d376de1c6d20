"""Features of users who come back within a second or so, kept in memory between two looks into the store."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from cachetools import TTLCache

from feature_repo.stored_rows import StoredRows
from serving.features import OnlineFeatures, Views

MOST = 50_000
"""Users that are kept: with 25 features each, some 70 MB."""

_Row = tuple[object, ...]
"""What is stored of a user: of each view its time, then its features."""

_Rows = TTLCache[tuple[int, str], _Row]


class HotUsers:
    """Features of `store`, those of a user no older than `seconds`; `count` is told how many were kept, how many not.

    A user of whom nothing is stored is kept as such. What can't be read is not.
    """

    def __init__(
        self,
        store: OnlineFeatures,
        seconds: float,
        count: Callable[[int, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.count = count
        self._using = threading.Lock()
        self._rows: _Rows = TTLCache(MOST, seconds, clock)
        # each model version reads features of its own
        self._asked: dict[tuple[object, ...], int] = {}
        self._erasures = 0

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        if not views:
            return self.store.read(users, views)
        names = tuple((view, *types) for view, types in views.items())
        with self._using:
            asked = self._asked.setdefault(names, len(self._asked))
            rows = {user: row for user in users if (row := self._rows.get((asked, user))) is not None}
            erasures = self._erasures
        others = [user for user in dict.fromkeys(users) if user not in rows]
        self.count(len(rows), len(others))
        if others:
            found = dict(zip(others, _by_user(self.store.read(others, views), views), strict=True))
            rows |= found
            with self._using:
                # what was read before somebody was erased may be of that user
                if erasures == self._erasures:
                    self._rows.update({(asked, user): row for user, row in found.items()})
        return _by_view([rows[user] for user in users], views)

    def erase(self, user: str) -> None:
        try:
            self.store.erase(user)
        finally:
            with self._using:
                self._erasures += 1
                for asked in self._asked.values():
                    self._rows.pop((asked, user), None)


def _by_user(found: Mapping[str, StoredRows], views: Views) -> Iterable[_Row]:
    columns = [
        values
        for view, types in views.items()
        for values in (found[view].feature_at, *(found[view].columns[name] for name in types))
    ]
    return zip(*columns, strict=True)


def _by_view(rows: Sequence[_Row], views: Views) -> dict[str, StoredRows]:
    columns = map(list, zip(*rows, strict=True))
    found = {}
    for view, types in views.items():
        feature_at = next(columns)
        found[view] = StoredRows({name: next(columns) for name in types}, feature_at)
    return found
