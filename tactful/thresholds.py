"""The threshold of a model as a decision of the business: looked at, set, and left to the model again."""

from rich.console import Console
from rich.table import Table

from ml.registry import Registry, RegistryError
from ml.specs import MODELS
from ml.versions import ChampionVersion
from tactful.home import require_run
from tactful.settings import Settings, SettingsError


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
        console.print(_choices(registry, champion))


def _registry(settings: Settings, model: str) -> Registry:
    require_run(settings)
    deciding = [spec.name for spec in MODELS if spec.decides]
    if model not in deciding:
        raise SettingsError(f"{model!r} shows nothing to anybody; models that do are {', '.join(deciding)}.")
    return Registry.of(settings)


def _choices(registry: Registry, champion: ChampionVersion) -> Table:
    title = f"On the test days of version {champion.version}, the champion"
    table = Table(title=title, title_justify="left", pad_edge=False)
    for column in ("threshold", "shown", "conversions kept", "95 % interval"):
        table.add_column(column, justify="right")
    for choice in registry.evidence(champion, "thresholds") or ():
        kept = choice["conversions_kept"]
        table.add_row(
            f"{choice['threshold']:.4f}",
            f"{choice['impressions_share']:.1%}",
            f"{kept['value']:.1%}",
            f"{kept['low']:.1%} to {kept['high']:.1%}",
        )
    return table
