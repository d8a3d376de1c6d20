"""When drift asks for retraining. A pure rule, which knows no Dagster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GROUNDS = ("drift", "label_shift")
"""Verdicts that learning anew can do something about."""

ABRUPT = "abrupt"
"""What a verdict says of a change that one window shows beyond doubt."""


@dataclass(frozen=True)
class Verdict:
    """What the drift report said of a window; `grounds` may say how the change came."""

    window: str
    verdict: str
    reason: str
    grounds: str = ""


@dataclass(frozen=True)
class Retrain:
    """The window that asks for retraining, and the evidence."""

    window: str
    evidence: str


@dataclass(frozen=True)
class Rest:
    """Why nothing is retrained."""

    reason: str


def judge(
    verdicts: Sequence[Verdict], now: datetime, retrained_at: datetime | None, cooldown: timedelta
) -> Retrain | Rest:
    """What `verdicts`, the newest first, ask for at `now`.

    Two windows in a row must give grounds, since chance alone gives them once in a while; an abrupt change needs one.
    Of a window that was judged again, the newest verdict counts.
    """
    by_window: dict[str, Verdict] = {}
    for verdict in verdicts:
        by_window.setdefault(verdict.window, verdict)
    if not by_window:
        return Rest("There is no drift report yet.")
    newest, *before = by_window.values()
    if newest.verdict not in GROUNDS:
        return Rest(f"The verdict is {newest.verdict}: {newest.reason}")
    abrupt = newest.grounds == ABRUPT
    if not abrupt and not (before and before[0].verdict in GROUNDS):
        return Rest(f"One window alone, {newest.window}, gives grounds; the next one decides: {newest.reason}")
    if retrained_at is not None and now < retrained_at + cooldown:
        return Rest(f"Models were last trained at {retrained_at:%Y-%m-%d %H:%M} UTC, and {cooldown} must pass between.")
    shown = [newest] if abrupt else [newest, before[0]]
    return Retrain(newest.window, "; ".join(f"{each.window}: {each.verdict}, {each.reason}" for each in shown))
