"""Build past days again: those that changed too late for a run to look at, or those that are asked for."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from rich.console import Console

from ga4_export.days import REWRITTEN, changed_days
from ga4_export.listing import list_days
from tactful import home, plan
from tactful.dbt import ensure_manifest
from tactful.jobs import run_job
from tactful.landing import landing_of
from tactful.plan import Inputs, Plan
from tactful.settings import Settings, SettingsError
from tactful.source import Source, source_of

_A_DAY = timedelta(days=1)


def backfill(settings: Settings, first: date | None, last: date | None, console: Console) -> None:
    """Bring the days from `first` to `last`, or else the late ones, from the export to the online store.

    Raises:
        SettingsError: nothing has run in the home yet, or a day lies outside the export.
        HomeError, RunError: one line says what is wrong.
    """
    home.require_run(settings)
    with home.running(settings):
        source = source_of(settings)
        ensure_manifest(settings, source)
        now, before = plan.inputs_of(settings, source), plan.recorded(settings.home)
        if before is None or before.rest != now.rest:
            raise SettingsError(
                "Settings or code changed since the last run that ended well: `tactful run` comes first."
            )
        days = _asked(source, first, last) if first or last else _late(settings, source, before, now)
        if not days:
            console.print("No day is late: nothing to backfill.")
        for span in _spans(days):
            run_job(settings, "backfill", _with_neighbours(span, source), console)
            console.print(f"Built {span[0]} to {span[-1]} again, and what remembers them.")
            before = plan.with_days(before, now, span)
            plan.record(settings.home, before)
        if days:
            console.print("Models and scoreboard are those of the last run.")


def _late(settings: Settings, source: Source, before: Inputs, now: Inputs) -> Sequence[date]:
    """The late days, as the last run from here saw them, or as any other landed them since."""
    late = set(plan.late_days(before, now, source))
    if source.kind == "files":
        changed = changed_days(landing_of(settings), list_days(source.folder))
        late.update(day for day in changed if source.first <= day < source.last - REWRITTEN)
    return sorted(late)


def _asked(source: Source, first: date | None, last: date | None) -> Sequence[date]:
    begin, end = first or last or source.first, last or first or source.last
    if begin > end or begin < source.first or end > source.last:
        raise SettingsError(f"{begin} to {end} are no days of the export; it holds {source.first} to {source.last}.")
    return [begin + n * _A_DAY for n in range((end - begin).days + 1)]


def _spans(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """`days` in runs of days that follow each other."""
    span: list[date] = []
    for day in days:
        if span and day - span[-1] > _A_DAY:
            yield span
            span = []
        span.append(day)
    if span:
        yield span


def _with_neighbours(span: Sequence[date], source: Source) -> Plan:
    """A session may come from the day before, or go on into the day after."""
    first, last = max(span[0] - _A_DAY, source.first), min(span[-1] + _A_DAY, source.last)
    # BigQuery replaces whole days, so that the days which remember these are built whole there
    return Plan(first, source.last if source.kind == "bigquery" else last, "backfill")
