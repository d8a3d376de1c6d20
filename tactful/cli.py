"""The command line: thin, typed, and quick to start; each command imports what it needs."""

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tactful import client_commands, decision_commands, key_commands, model_commands, quarantine_commands
from tactful import settings as tactful_settings
from tactful.pages import Page
from tactful.settings import MOST_DAYS, MOST_SESSIONS, SettingsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a GA4 export to features, models and decisions.",
)
app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(key_commands.app, name="keys")
app.add_typer(client_commands.app, name="clients")
app.add_typer(model_commands.app, name="models")
app.add_typer(decision_commands.app, name="decisions")
console = Console()
USAGE = 2


def main() -> None:
    """The command `tactful`; every foreseen mistake ends in one line and a non-zero exit code."""
    from ga4_export.listing import ExportError
    from tactful.ask import AskError
    from tactful.claims import ClaimError
    from tactful.dbt import ManifestError
    from tactful.home import QUIET, HomeError
    from tactful.jobs import RunError
    from tactful.ui import UiError

    os.environ.update(QUIET)
    try:
        app()
    except (SettingsError, ExportError, HomeError, ClaimError) as mistake:
        _say(mistake)
        sys.exit(USAGE)
    except MemoryError as too_little:
        _say(MemoryError(f"Memory does not suffice ({too_little}): ask for less, as by --sessions."))
        sys.exit(1)
    except (ManifestError, RunError, UiError, AskError) as failure:
        _say(failure)
        sys.exit(1)


@app.command()
def run(
    export: Annotated[
        Path | None,
        typer.Option(help="Folder of events_YYYYMMDD.parquet files; without it, as the last run in this home."),
    ] = None,
    simulated: Annotated[bool, typer.Option("--simulated", help="Build from the simulator's shop.")] = False,
    without_broken_days: Annotated[
        bool, typer.Option("--without-broken-days", help="Build the others where one is missing, damaged or empty.")
    ] = False,
) -> None:
    """Run the main job on what is new, and print the scoreboard."""
    from tactful.run import run as run_job
    from tactful.run import settings_of

    raise typer.Exit(run_job(settings_of(export, simulated, console), console, without_broken_days))


@app.command()
def backfill(
    first: Annotated[str | None, typer.Option(help="YYYY-MM-DD; without days, those that changed late.")] = None,
    last: Annotated[str | None, typer.Option(help="YYYY-MM-DD.")] = None,
) -> None:
    """Build past days again, from the export to the online store."""
    from tactful.backfill import backfill as build_again

    settings = tactful_settings.load()
    begin, end = (_day(text, option) if text else None for text, option in ((first, "--first"), (last, "--last")))
    build_again(settings, begin, end, console)


@app.command()
def ui(pages: Annotated[list[Page] | None, typer.Argument(help="Which of them; without any, all.")] = None) -> None:
    """Show Dagster, MLflow, the reports and the decision API until Ctrl-C."""
    from tactful.ui import show

    show(tactful_settings.load(), console, pages or tuple(Page))


@app.command()
def serve() -> None:
    """Answer decision requests."""
    from serving.main import serve as serve_decisions

    settings = tactful_settings.load()
    if sys.stdout.isatty():
        typer.echo(
            f"Answering on http://127.0.0.1:{settings.decision_port} (/docs describes how to ask); "
            f"a key lies in {settings.home / 'decisions' / 'local.key'}. Ctrl-C ends it."
        )
    serve_decisions(settings)


@app.command()
def simulate(  # noqa: PLR0913, PLR0917  each option is an argument to typer
    folder: Annotated[Path | None, typer.Argument(help="Where the days are written; none are without it.")] = None,
    scenario: Annotated[str, typer.Option(help="Names of worlds joined by +, as large+drift_abrupt.")] = "default",
    days: Annotated[int | None, typer.Option(min=1, max=MOST_DAYS, help="How many days the shop has.")] = None,
    sessions: Annotated[int | None, typer.Option(min=1, max=MOST_SESSIONS, help="Sessions a day, on average.")] = None,
    first_day: Annotated[str | None, typer.Option(help="YYYY-MM-DD.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Which of all such shops; the same one is the same.")] = None,
    until: Annotated[
        str | None, typer.Option(help="YYYY-MM-DD: write what GA4 has delivered by then, without later and late rows.")
    ] = None,
    truth_report: Annotated[bool, typer.Option("--truth-report", help="Tell what the best could do there.")] = False,
    truth: Annotated[Path | None, typer.Option(help="Where the truth of each decision moment is written.")] = None,
    live: Annotated[
        str | None, typer.Option(help="YYYY-MM-DD: live through it with the decision service, best the day after all.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, help="How many times as fast as in the shop time passes.")] = 3600,
) -> None:
    """Make up a shop: its GA4 export, its truth, or a day of its visitors as clients of the decision service.

    It is the shop of the settings, but for what a scenario or an option says.
    """
    from tactful import live as visitors
    from tactful import simulate as shops

    settings = tactful_settings.load(complete=False)
    begins, delivered, lived = (
        _day(text, option) if text else None
        for text, option in ((first_day, "--first-day"), (until, "--until"), (live, "--live"))
    )
    shop = shops.shop_of(settings, scenario, first_day=begins, seed=seed, days=days, sessions_per_day=sessions)
    if truth:
        shops.refuse_truth_near(truth, settings, folder)
    if lived:
        visitors.refuse_live(settings, shop, lived)
    if folder:
        shops.simulate(folder, shop, delivered, console)
    if truth_report or truth:
        shops.report_truth(settings, shop, truth, console)
    if lived:
        visitors.live_through(settings, shop, lived, speed, console)
    if not (folder or truth_report or truth or lived):
        raise SettingsError("Name a folder for the export, or ask for --truth-report, --truth or --live.")


@app.command()
def threshold(
    model: Annotated[str, typer.Argument(help="popup_behaviour or popup_profile.")],
    score: Annotated[float | None, typer.Argument(min=0, max=1, help="Show from this score on.")] = None,
    own: Annotated[bool, typer.Option("--own", help="Leave it to each version's own again.")] = False,
) -> None:
    """Show or set the score from which a model's visitors are interrupted, without training again."""
    from tactful.thresholds import set_threshold, show_threshold

    settings = tactful_settings.load()
    if own and score is not None:
        raise SettingsError(f"--own leaves the threshold to each version, and {score:g} sets one: say one of them.")
    if own or score is not None:
        set_threshold(settings, model, score, console)
    show_threshold(settings, model, console)


@app.command()
def decide(
    user_pseudo_id: Annotated[str, typer.Argument(help="GA4's id of the visitor's browser.")],
    request: Annotated[
        Path | None, typer.Option(help="JSON file with what is known of the session: profile, events, at, model.")
    ] = None,
) -> None:
    """Ask the running decision service about one visitor."""
    from tactful.ask import ask

    stated = _request(request) if request else {}
    console.print_json(data=ask(tactful_settings.load(), {**stated, "user_pseudo_id": user_pseudo_id}))


@app.command()
def erase(
    user_pseudo_id: Annotated[str | None, typer.Argument(help="GA4's id of the user's browser.")] = None,
    asked: Annotated[bool, typer.Option("--asked", help="All for whom the decision service was asked to.")] = False,
) -> None:
    """Remove one user from every store, and keep them out, or all who asked for it."""
    from tactful.erase import erase as erase_user
    from tactful.erasures import erase_asked

    told = Console(soft_wrap=True)
    if asked == (user_pseudo_id is not None):
        raise SettingsError(
            "Name a user, or say --asked for all for whom the decision service was asked to: one of them."
        )
    if user_pseudo_id is None:
        erase_asked(tactful_settings.load(), told)
    else:
        erase_user(tactful_settings.load(), user_pseudo_id, told)


@app.command()
def doctor() -> None:
    """Look at settings, home, export and ports, and say what to do where something is not in order."""
    from tactful.doctor import examine

    raise typer.Exit(examine(tactful_settings.load(complete=False), console))


def _request(file: Path) -> dict[str, Any]:
    try:
        stated = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"--request {file} can't be read as JSON: {error}.") from None
    if not isinstance(stated, dict):
        raise SettingsError(f"--request {file} holds a {type(stated).__name__}; a JSON object is needed.")
    return stated


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} is {text!r}; a day as YYYY-MM-DD is needed.") from None


def _say(mistake: Exception) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]tactful:[/] {escape(str(mistake))}", highlight=False)
