"""When drift asks for retraining. A pure rule, which knows no Dagster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ml.drift_verdict import MOVED, Told, Verdict, drifted_on


@dataclass(frozen=True)
class Report:
    """What the drift report said of a window, which is written as its first and its last day."""

    window: str
    verdict: Verdict
    reason: str

    @property
    def told(self) -> Told:
        first, last = map(date.fromisoformat, self.window.split(" to "))
        return Told(first, last, self.verdict)


@dataclass(frozen=True)
class Retrain:
    """The window that asks for retraining, the first day of visitors who are others, and the evidence."""

    window: str
    drifted_on: date
    evidence: str


@dataclass(frozen=True)
class Rest:
    """Why nothing is retrained."""

    reason: str


def judge(
    reports: Sequence[Report], now: datetime, retrained_at: datetime | None, cooldown: timedelta
) -> Retrain | Rest:
    """What `reports`, the newest first, ask for at `now`; of a window that was judged again, the newest counts."""
    by_window = {report.window: report for report in reversed(reports)}
    if not by_window:
        return Rest("There is no drift report yet.")
    newest = max(by_window.values(), key=lambda report: report.told.last)
    if newest.verdict not in MOVED:
        return Rest(f"The verdict is {newest.verdict}: {newest.reason}")
    since = drifted_on(report.told for report in by_window.values())
    if since is None:
        return Rest(f"{newest.window} has moved, and the window before it had not, or is not known: {newest.reason}")
    if retrained_at is not None and now < retrained_at + cooldown:
        return Rest(f"Models were last trained at {retrained_at:%Y-%m-%d %H:%M} UTC, and {cooldown} must pass between.")
    return Retrain(newest.window, since, f"{newest.verdict}: {newest.reason}")
