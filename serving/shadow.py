"""The challenger in the shadow: it scores beside the champion what is decided, and changes no answer.

Its scores share the transaction of the decisions, and so their flush to the disk, which costs more than scoring does.
The price is a wait: it scores in a thread of its own while the champion does, and who is later than that by `patience`
has no score, and is left alone for a while.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from serving.audit import ShadowScore
from serving.breaker import Breaker
from serving.champions import Champion
from serving.traffic import drawn_for_shadow
from serving.vector import Column

log = logging.getLogger(__name__)

NAP = 10.0
"""Seconds for which a challenger that is late is left alone."""

Pending = Callable[[], list[ShadowScore]]
"""Waits for what was begun; raises nothing."""


class Shadow:
    """Scores of challengers for a `share` of the decisions, each `patience` seconds after the champion's at the latest.

    One that fails, is late, or gives no probability is on record without a score.
    """

    def __init__(self, share: float, patience: float = 0.02, clock: Callable[[], float] = time.monotonic) -> None:
        self.share = share
        self.patience = patience
        self.clock = clock
        self._breaker = Breaker(limit=1, rest=NAP)
        self._told: set[str] = set()
        # its thread starts with the first challenger
        self._worker = ThreadPoolExecutor(1, "shadow")

    def close(self) -> None:
        """Let go of the thread; one that hangs is not waited for."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def begin(
        self, challenger: Champion, champion: Champion, columns: Mapping[str, Column], decision_ids: Sequence[str]
    ) -> Pending:
        """Begin to score the decisions whose turn it is, of which `columns` hold a value each."""
        if challenger.bundle.features != champion.bundle.features:
            self._tell_once(challenger, "it reads other features than the champion")
            return list
        places = [place for place, each in enumerate(decision_ids) if drawn_for_shadow(each) < self.share]
        if not places:
            return list
        chosen = {name: [column[place] for place in places] for name, column in columns.items()}
        ids = [decision_ids[place] for place in places]
        if not self._breaker.lets_through(self.clock()):
            return lambda: _recorded(challenger, ids, [None] * len(ids))
        scoring = self._worker.submit(lambda: challenger.bundle.score(chosen).tolist())
        return lambda: _recorded(challenger, ids, self._scores(challenger, scoring, len(ids)))

    def _scores(self, challenger: Champion, scoring: "Future[list[float]]", count: int) -> Sequence[float | None]:
        try:
            scores = scoring.result(self.patience)
        except TimeoutError:
            scoring.cancel()
            self._breaker = self._breaker.failed(self.clock())
            self._tell_once(challenger, f"it is more than {1000 * self.patience:g} ms later than the champion")
            return [None] * count
        # whatever it raises, the answers are the champion's
        except Exception as error:
            self._tell_once(challenger, f"it raises {type(error).__name__}: {error}")
            return [None] * count
        self._breaker = self._breaker.succeeded()
        return [score if 0.0 <= score <= 1.0 else None for score in scores]

    def _tell_once(self, challenger: Champion, problem: str) -> None:
        name = f"{challenger.bundle.header.model} {challenger.version}"
        if name not in self._told:
            log.warning("Challenger %s is not scored beside the champion: %s.", name, problem)
        self._told.add(name)


def _recorded(challenger: Champion, ids: Sequence[str], scores: Sequence[float | None]) -> list[ShadowScore]:
    return [
        ShadowScore(decision_id, challenger.version, challenger.digest, score, challenger.threshold)
        for decision_id, score in zip(ids, scores, strict=True)
    ]
