"""The commands `tactful clients ...`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from tactful import settings as tactful_settings
from tactful.settings import Settings, SettingsError

if TYPE_CHECKING:
    from ml.campaigns import Campaign

app = typer.Typer(help="Settings of the decision service's clients.", no_args_is_help=True)
console = Console(soft_wrap=True)

By = Annotated[str | None, typer.Option(help="Who asks; without it, the user of this system.")]


@app.command()
def show(client: Annotated[str | None, typer.Argument(help="A client's name; without it, all.")] = None) -> None:
    """Print clients' settings as JSON, and of one client what was changed by whom and when."""
    from serving.client_store import ClientStore
    from serving.clients import ClientsError
    from serving.keys import KeysError
    from tactful.stores import clients_url

    settings = tactful_settings.load()
    store = ClientStore(clients_url(settings))
    try:
        clients = store.read()
        changes = store.changes(client) if client else ()
        has_key = client is None or _has_key(settings, client)
    except (KeysError, ClientsError, OSError) as wrong:
        raise SettingsError(str(wrong)) from None
    shown = clients.of(client) if client else clients.settings
    console.print_json(data=msgspec.to_builtins(shown))
    for change in changes:
        told = "; ".join(
            f"{name} from {_json(before)} to {_json(after)}" for name, (before, after) in change.changed.items()
        )
        console.print(f"{change.at:%Y-%m-%d %H:%M:%S} UTC, {change.asked_by}: {told}", markup=False, highlight=False)
    # a client is whoever has a key, with settings or without
    if client and not changes:
        typer.echo(f"Nothing has been set for a client {client}: these are the defaults.", err=True)
        if not has_key:
            typer.echo(_without_key(client), err=True)


@app.command("set")
def set_fields(
    client: Annotated[str, typer.Argument(help="The client's name, as shop.")],
    fields: Annotated[list[str], typer.Argument(help="Each FIELD=JSON, as frequency_cap=2 or origins='[]'.")],
    by: By = None,
) -> None:
    """Change some of a client's settings; running services follow within seconds.

    `tactful clients show CLIENT` names all fields. A list or a map is replaced whole; null is as if the field had not
    been set.
    """
    from serving.client_store import ClientStore
    from serving.clients import ClientsError
    from serving.keys import KeysError
    from tactful.asking import asked_by
    from tactful.stores import clients_url

    settings, stated = tactful_settings.load(), dict(_field(text) for text in fields)
    who = asked_by(by)
    _refuse_unserved(stated.get("thresholds"))
    try:
        found = ClientStore(clients_url(settings)).set(client, stated, who, datetime.now(UTC))
        has_key = _has_key(settings, client)
    except (KeysError, ClientsError, OSError) as wrong:
        raise SettingsError(str(wrong)) from None
    console.print_json(data=msgspec.to_builtins(found))
    if not has_key:
        typer.echo(_without_key(client), err=True)
    for told in _unread(settings.home / "decisions" / "bundles", found.choosable):
        typer.echo(told, err=True)


def _has_key(settings: Settings, client: str) -> bool:
    from serving.keys import Keyring

    return bool(Keyring.read(settings.home / "decisions" / "keys.json").live(client, datetime.now(UTC)))


def _without_key(client: str) -> str:
    return f"No key of a client {client} is good now: `tactful keys issue {client}` gives it one."


def _refuse_unserved(thresholds: object) -> None:
    from serving.requests import MODELS

    if isinstance(thresholds, dict) and (unserved := thresholds.keys() - set(MODELS)):
        raise SettingsError(f"thresholds names {', '.join(sorted(unserved))}; served are {', '.join(MODELS)}.")


def _unread(bundles: Path, campaigns: "Sequence[Campaign]") -> Iterator[str]:
    """What is to be said of campaigns with conditions that no champion which was served from `bundles` could know."""
    from serving.champions import CHAMPION
    from serving.last_served import LastServed
    from serving.requests import MODELS

    try:
        read = [names for model in MODELS if (names := LastServed(bundles).reads(model, CHAMPION))]
    except (OSError, msgspec.DecodeError):
        # the service that wrote them tells of it
        return
    for campaign in campaigns:
        # of the champion that misses least
        asked = campaign.when.keys() - campaign.activity.keys()
        if unread := min((asked - names for names in read), key=len, default=set()):
            listed = ", ".join(sorted(unread))
            yield f"Campaign {campaign.name} never fits: no champion that was served here reads {listed}."


def _field(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise SettingsError(f"{text!r} sets nothing; FIELD=JSON is needed, as frequency_cap=2.")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise SettingsError(
            f'{name}={value} is no JSON: {error}; text stands in "", as rate_limit=\'"600/minute"\'.'
        ) from None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
