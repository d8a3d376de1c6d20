"""The commands `tactful models ...`."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tactful import settings as tactful_settings
from tactful.settings import SettingsError

app = typer.Typer(help="Versions of models: which there are, which decides, and which did when.")
console = Console(soft_wrap=True)

Model = Annotated[str, typer.Argument(help="A model's name, as popup_behaviour.")]
Reason = Annotated[str, typer.Option(help="Why, for the ledger.")]
Expected = Annotated[str | None, typer.Option(help="Refuse if another version than this is champion.")]
By = Annotated[str | None, typer.Option(help="Who asks; without it, the user of this system.")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """Versions of models: which there are, which decides, and which did when; lists them without a command."""
    if context.invoked_subcommand is None:
        list_versions()


@app.command("list")
def list_versions() -> None:
    """List the registered versions; the champion is the one that decides."""
    from tactful.models import show_versions

    show_versions(tactful_settings.load(), Console())


@app.command()
def promote(
    model: Model,
    version: Annotated[str, typer.Argument(help="The version's number, as `list` tells it.")],
    reason: Reason,
    by: By = None,
    expected: Expected = None,
) -> None:
    """Make a version champion, whatever the gate said; running services follow within seconds."""
    from tactful.models import Wish
    from tactful.models import promote as promote_version

    promote_version(tactful_settings.load(), Wish(model, reason, by), version, expected, console)


@app.command()
def rollback(model: Model, reason: Reason, by: By = None, expected: Expected = None) -> None:
    """Make the champion before the champion champion again; running services follow within seconds."""
    from tactful.models import Wish, roll_back

    roll_back(tactful_settings.load(), Wish(model, reason, by), expected, console)


@app.command()
def retire(model: Model, reason: Reason, by: By = None, expected: Expected = None) -> None:
    """Leave a model without a champion; running services then leave its visitors alone."""
    from tactful.models import Wish
    from tactful.models import retire as retire_champion

    retire_champion(tactful_settings.load(), Wish(model, reason, by), expected, console)


@app.command("live-at")
def live_at(
    time: Annotated[str, typer.Argument(help="'now', or as '2026-11-17 14:03'; UTC, unless it says +01:00 or so.")],
    model: Annotated[str | None, typer.Argument(help="A model's name; without it, all.")] = None,
) -> None:
    """Tell which version was champion at an instant, since when, and why."""
    from tactful.models import show_live_at

    show_live_at(tactful_settings.load(), _instant(time), model, console)


def _instant(text: str) -> datetime:
    now = datetime.now(UTC)
    if text == "now":
        return now
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"TIME is {text!r}; `now` or an instant as 2026-11-17 14:03 is needed.") from None
    instant = stated if stated.tzinfo else stated.replace(tzinfo=UTC)
    if instant > now:
        raise SettingsError(f"TIME is {text!r}, which is still to come: nobody knows who will be champion then.")
    return instant
