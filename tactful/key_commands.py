"""The commands `tactful keys ...`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from serving import keys
from serving.keys import UNNAMED, Key, Keyring, KeyScope, KeysError
from tactful import settings as tactful_settings
from tactful.settings import SettingsError
from tactful.tables import print_whole

app = typer.Typer(help="Keys by which clients prove themselves to the decision service.", no_args_is_help=True)


@app.command()
def issue(
    client: Annotated[str, typer.Argument(help="The client's name, as shop.")],
    scope: Annotated[
        list[KeyScope] | None, typer.Option(help="What the key is good for, once for each; without it, all but erase.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3660, help="Days that it is good for; without it, for ever.")
    ] = None,
) -> None:
    """Print a new key of a client, which is shown only now; running services take it within seconds.

    A client has two at most: the one in use and the one that takes its place.
    """
    now = datetime.now(UTC)
    try:
        token = keys.issue(_file(), client, now, now + timedelta(days=days) if days else None, scope or UNNAMED)
    except (KeysError, OSError) as mistake:
        raise SettingsError(str(mistake)) from None
    typer.echo(token)


@app.command("list")
def list_keys() -> None:
    """List the keys of all clients; of each only its name is known."""
    table = Table(box=None, pad_edge=False)
    for column in ("key", "client", "scopes", "issued", "expires", ""):
        table.add_column(column, no_wrap=True)
    now = datetime.now(UTC)
    for key in _read().keys:
        until = "never" if key.expires_at is None else _told(key.expires_at)
        table.add_row(key.key_id, key.client, ",".join(key.scopes), _told(key.created_at), until, _state(key, now))
    print_whole(Console(), table)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's name, as `list` tells it.")]) -> None:
    """Make a key good for nothing; running services refuse it within seconds."""
    try:
        revoked = keys.revoke(_file(), key, datetime.now(UTC))
    except (KeysError, OSError) as mistake:
        raise SettingsError(str(mistake)) from None
    typer.echo(f"Key {revoked.key_id} of {revoked.client} is revoked.")


def _file() -> Path:
    return tactful_settings.load().home / "decisions" / "keys.json"


def _read() -> Keyring:
    try:
        return Keyring.read(_file())
    except (KeysError, OSError) as mistake:
        raise SettingsError(str(mistake)) from None


def _state(key: Key, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_told(key.revoked_at)}"
    return "live" if key.is_live(now) else "expired"


def _told(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
