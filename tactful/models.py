"""What the model registry holds, who is champion there, and who was when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from ml.ledger import Move
from ml.promotion import Order, Seat, seen_until
from ml.registry import LAST_CHAMPION, Registry
from tactful.asking import asked_by
from tactful.champions import told
from tactful.home import require_run
from tactful.settings import Settings, SettingsError
from tactful.source import source_of
from tactful.stores import tracking_uri
from tactful.tables import print_whole


def show_versions(settings: Settings, console: Console) -> None:
    """Print every version of every registered model, the newest first."""
    require_run(settings)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(settings), tracking_uri(settings))
    table = Table(box=None, pad_edge=False)
    for column in ("model", "version", "alias", "registered", "trained on", "bundle"):
        # times and days make room for what may have to be typed again, and nothing is cut
        table.add_column(column, no_wrap=column in {"model", "version", "bundle"}, overflow="fold")
    for model in client.search_registered_models():
        # where the champion was is kept for the next clustering, and says nothing of who decides
        shown = model.aliases.keys() - {LAST_CHAMPION}
        for version in client.search_model_versions(f"name = '{model.name}'"):
            tags, number = version.tags, str(version.version)
            table.add_row(
                model.name,
                number,
                ", ".join(sorted(alias for alias in shown if str(model.aliases[alias]) == number)),
                f"{datetime.fromtimestamp(version.creation_timestamp / 1000, UTC):%Y-%m-%d %H:%M} UTC",
                f"{tags.get('trained_from', '?')} to {tags.get('trained_to', '?')}",
                tags.get("bundle_digest", "none")[:12],
            )
    print_whole(console, table)


@dataclass(frozen=True)
class Wish:
    """A move that a person asks for, and why; without a name it is the system's user who asks."""

    model: str
    reason: str
    by: str | None = None

    @property
    def asked_by(self) -> str:
        return asked_by(self.by)


def promote(settings: Settings, wish: Wish, version: str, expected: str | None, console: Console) -> None:
    """Make a version champion; the `expected` one is the champion of now where none is stated.

    Raises:
        SettingsError: nothing has run yet, the version can't be champion, or another is champion than expected.
    """
    registry = _registry(settings)
    evidence = seen_until(source_of(settings).last, settings.zone)
    with told():
        champion = registry.champion(_known(registry, wish.model))
        stated = expected or (champion.version if champion else None)
        order = Order(wish.asked_by, wish.reason, evidence)
        console.print(str(Seat(registry, wish.model).promote(version, order, stated)), markup=False)


def roll_back(settings: Settings, wish: Wish, expected: str | None, console: Console) -> None:
    """Make the champion before the champion champion again.

    Raises:
        SettingsError: nothing has run yet, there is no champion to go back to, or another is champion than expected.
    """
    registry = _registry(settings)
    order = Order(wish.asked_by, wish.reason)
    with told():
        _known(registry, wish.model)
        console.print(str(Seat(registry, wish.model).roll_back(order, expected)), markup=False)


def retire(settings: Settings, wish: Wish, expected: str | None, console: Console) -> None:
    """Leave a model without a champion.

    Raises:
        SettingsError: nothing has run yet, there is no champion, or another is than expected.
    """
    registry = _registry(settings)
    order = Order(wish.asked_by, wish.reason)
    with told():
        champion = registry.champion(_known(registry, wish.model))
        if champion is None:
            raise SettingsError(f"{wish.model} has no champion.")
        move = Seat(registry, wish.model).retire(order, expected or champion.version)
        console.print(str(move), markup=False)


def show_live_at(settings: Settings, instant: datetime, model: str | None, console: Console) -> None:
    """Print which version of each model was champion at an instant, since when, and why.

    Raises:
        SettingsError: nothing has run yet, or no model is called so.
    """
    registry = _registry(settings)
    with told():
        for name in registry.names() if model is None else [_known(registry, model)]:
            # moves that were made in MLflow itself are on record only once they are seen
            Seat(registry, name).settle()
            console.print(_live(name, registry.ledger.live_at(name, instant)), markup=False, highlight=False)


def _known(registry: Registry, model: str) -> str:
    names = registry.names()
    if model not in names:
        raise SettingsError(f"No model is called {model!r}; registered are {', '.join(names) or 'none yet'}.")
    return model


def _live(model: str, move: Move | None) -> str:
    if move is None:
        return f"{model}: no champion is on record by then."
    who = f"version {move.to_version} ({(move.to_digest or '')[:12]})" if move.to_version else "nobody"
    since = f"{move.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{model}: {who}, since {since}. {move.kind.capitalize()}, asked by {move.asked_by}: {move.reason}"


def _registry(settings: Settings) -> Registry:
    require_run(settings)
    return Registry.of(settings)
