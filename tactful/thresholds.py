"""The threshold of a model as a decision of the business: looked at, set, and left to the model again."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from rich.console import Console
from rich.table import Table

from ml.intervals import Interval
from ml.policy_evaluation import ThresholdChoice
from ml.registry import Registry, RegistryError
from ml.specs import MODELS
from ml.versions import ChampionVersion
from tactful.home import require_run
from tactful.settings import Settings, SettingsError

_NOBODY = ThresholdChoice(1.0, 0.0, Interval(0.0, 0.0, 0.0))
_EVERYBODY = ThresholdChoice(0.0, 1.0, Interval(1.0, 1.0, 1.0))


def set_threshold(settings: Settings, model: str, threshold: float | None, console: Console) -> None:
    """Set the score from which a model's visitors are shown; None leaves it to each version's own.

    Raises:
        SettingsError: nothing has run yet, the model decides nothing or is not registered, or the score is none.
    """
    registry = _registry(settings, model)
    try:
        registry.set_threshold(model, threshold)
    except (RegistryError, ValueError) as wrong:
        raise SettingsError(str(wrong)) from None
    console.print("Running services follow within seconds; each decision's record holds the threshold it was made by.")


def show_threshold(settings: Settings, model: str, console: Console) -> None:
    """Print a model's threshold, and what others would have shown and kept on its champion's test days.

    Raises:
        SettingsError: nothing has run yet, or the model decides nothing or is not registered.
    """
    registry = _registry(settings, model)
    try:
        stated, champion = registry.threshold(model), registry.champion(model)
    except (RegistryError, ValueError) as wrong:
        raise SettingsError(str(wrong)) from None
    whose = "each version's own" if stated is None else f"{stated:g}, set for every version"
    console.print(f"[bold]{model}[/] shows from a score on: {whose}.")
    if champion is None:
        console.print("No version is champion: visitors are left alone.")
    else:
        console.print(_choices(registry, champion, stated))


def _registry(settings: Settings, model: str) -> Registry:
    require_run(settings)
    deciding = [spec.name for spec in MODELS if spec.decides]
    if model not in deciding:
        raise SettingsError(f"{model!r} shows nothing to anybody; models that do are {', '.join(deciding)}.")
    return Registry.of(settings)


def _choices(registry: Registry, champion: ChampionVersion, stated: float | None) -> Table:
    """The thresholds on offer and the version's own, the highest first, with the one in force among them."""
    title = f"On the test days of version {champion.version}, the champion"
    table = Table(title=title, title_justify="left", pad_edge=False)
    for column in ("threshold", "shown", "conversions kept", "95 % interval", ""):
        table.add_column(column, justify="right")
    metrics = registry.metrics(champion)
    choices = _measured(registry.evidence(champion, "thresholds") or (), metrics)
    in_force = metrics["threshold"] if stated is None else stated
    for threshold in sorted({in_force, *choices}, reverse=True):
        mark = "in force" if threshold == in_force else "its own" if threshold == metrics["threshold"] else ""
        table.add_row(f"{threshold:.4f}", *_told(threshold, choices), mark)
    return table


def _measured(offered: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]) -> Mapping[float, ThresholdChoice]:
    """What was measured when the version was registered, by threshold."""
    # what is not defined was not registered, as a recall without converters
    share, *kept = (metrics.get(name, nan) for name in ("impressions_share", "recall", "recall_low", "recall_high"))
    own = ThresholdChoice(metrics["threshold"], share, Interval(*kept))
    others = (
        ThresholdChoice(offer["threshold"], offer["impressions_share"], Interval(**offer["conversions_kept"]))
        for offer in offered
    )
    return {choice.threshold: choice for choice in (own, *others)}


def _told(threshold: float, choices: Mapping[float, ThresholdChoice]) -> tuple[str, str, str]:
    """What a threshold shows and keeps; one that was not measured lies between its neighbours."""
    if threshold in choices:
        shown, kept = choices[threshold].impressions_share, choices[threshold].conversions_kept
        return f"{shown:.1%}", f"{kept.value:.1%}", f"{kept.low:.1%} to {kept.high:.1%}"
    above = choices[min(other for other in choices if other > threshold)] if threshold < max(choices) else _NOBODY
    below = choices[max(other for other in choices if other < threshold)] if threshold > min(choices) else _EVERYBODY
    return (
        f"{above.impressions_share:.1%} to {below.impressions_share:.1%}",
        f"{above.conversions_kept.value:.1%} to {below.conversions_kept.value:.1%}",
        "",
    )
