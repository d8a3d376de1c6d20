"""Runs take turns on a home, whoever starts them: the command line, Dagster's pages, its daemon."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr
from typing_extensions import override

from orchestration import soundness
from orchestration.run_days import days_stated
from tactful.claims import Claim, ClaimError, claimed


class OfOneRun(dg.ConfigurableResource):
    """What one run at a time may use: its first use takes the home, which is the run's until the run ends.

    Whatever is built passes here, and so it is looked after: a run does not build on what failed its checks.
    """

    home: str
    _take: Callable[[], None] | None = PrivateAttr(default=None)

    @override
    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["OfOneRun"]:
        with ExitStack() as held:
            self._take = cache(lambda: _take(held, Path(self.home), context))
            yield self

    def take(self) -> None:
        """Wait until no other run works on the home.

        Raises:
            dagster.Failure: another run builds the same days or does not end, or what this one builds on is not sound.
        """
        if self._take:
            self._take()


def _take(held: ExitStack, home: Path, context: dg.InitResourceContext) -> None:
    run = context.run
    if run is None:
        return
    claim = Claim(run.run_id, days_stated(run.tags))
    tell = context.log.info if context.log else print
    try:
        held.enter_context(claimed(home, claim, tell))
    except ClaimError as refused:
        raise dg.Failure(str(refused), allow_retries=False) from None
    if context.instance:
        soundness.refuse_unsound(context.instance, run.run_id)
