"""The folder that everything is written to: made ready, kept to one export at a time, and described to subprocesses."""

import fcntl
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Any

from dotenv import dotenv_values

from ga4_export.erased import ERASED
from tactful import stores
from tactful.claims import CLAIM
from tactful.settings import HOME, PREFIX, REMEMBERED, SECRETS, Settings, SettingsError, variable
from tactful.source import Source

PROJECT = Path(__file__).parents[1]
EARLIER = "earlier"
ERASURES = "erasures"
_SOURCE = "source.json"
_SIMULATED = "simulated"
_LOCK = ".lock"
_RUN_LOCK = ".run.lock"
_OF_EVERY_EXPORT = (EARLIER, ERASED, ERASURES, _LOCK, _RUN_LOCK, CLAIM)
_SERVERS = (
    "a decision service or pages (`tactful serve`, `tactful ui`): stop them before running on another export, or set "
    f"{HOME} to another folder"
)
_NOT_REMEMBERED = ("home", "host", "dagster_port", "mlflow_port", "decision_port", "reports_port", *SECRETS)
QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "true",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "FEAST_USAGE": "False",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Variables by which no tool phones home, and none tells what nobody asked for."""

_INSTANCE = {"local": "dagster.yaml", "gcp": "dagster.gcp.yaml"}


class HomeError(ValueError):
    """The home can't be used; the message is one line that says why and what would be right."""


def prepare(settings: Settings) -> None:
    """Make the home and its Dagster instance ready.

    Raises:
        HomeError: the home can't be written.
        SettingsError: the profile's Postgres can't be used.
    """
    dagster = settings.home / "dagster"
    try:
        dagster.mkdir(parents=True, exist_ok=True)
        instance = Template((PROJECT / _INSTANCE[settings.profile]).read_text()).substitute(DAGSTER_HOME=dagster)
        file = dagster / "dagster.yaml"
        # another server of this home may be reading it now
        if not file.is_file() or file.read_text() != instance:
            file.write_text(instance)
        (settings.home / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise HomeError(
            f"{HOME} {settings.home} can't be written ({error.strerror}): name a folder that can."
        ) from None
    if settings.profile == "gcp":
        stores.ensure_schemas(settings)


def environment(settings: Settings) -> dict[str, str]:
    """The environment of every process of the platform: the settings as read, and no tool that phones home."""
    stated = {name: value for name, value in settings.model_dump(mode="json").items() if value is not None}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        **{variable(name): str(value) for name, value in stated.items()},
        **settings.secrets,
        **_addresses(settings),
        HOME: str(settings.home),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        "PYTHONPATH": str(PROJECT),
        "DAGSTER_HOME": str(settings.home / "dagster"),
        **QUIET,
        # MLflow's server starts three times as fast without the workers of features that are not used here
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def _addresses(settings: Settings) -> dict[str, str]:
    """Where Dagster and MLflow's server find their stores; arguments would be seen by everybody on the machine."""
    if settings.profile == "local":
        return {"MLFLOW_BACKEND_STORE_URI": stores.tracking_uri(settings)}
    return {
        "MLFLOW_BACKEND_STORE_URI": stores.tracking_uri(settings),
        "DAGSTER_POSTGRES_URL": stores.postgres_url(settings, "dagster"),
    }


def remember(settings: Settings) -> None:
    """Note the settings of a run, so that what is started afterwards on this home follows it; secrets are not noted."""
    lines = [f"{name}={json.dumps(value)}\n" for name, value in _told(settings).items()]
    (settings.home / REMEMBERED).write_text("".join(lines))


def run_command(settings: Settings, *options: str) -> str:
    """What runs again as these settings say, for a shell; secrets are not in it."""
    return _command(_told(settings), *options)


def way_back(set_aside: Path) -> str:
    """What runs again on an export whose data were set aside, with the settings of its last run, for a shell."""
    # as pydantic reads them; there are none where no run got that far
    told = dotenv_values(set_aside / REMEMBERED)
    export = json.loads((set_aside / _SOURCE).read_text())["export"]
    return _command({**told, variable("export"): None if export == _SIMULATED else export})


def _told(settings: Settings) -> dict[str, Any]:
    """The variables that are not as they come, with their values."""
    default = Settings.model_construct().model_dump(mode="json")
    stated = settings.model_dump(mode="json", exclude=set(_NOT_REMEMBERED))
    return {variable(name): value for name, value in stated.items() if value is not None and value != default[name]}


def _command(told: Mapping[str, Any], *options: str) -> str:
    export = told.get(variable("export"))
    others = [f"{name}={shlex.quote(str(value))}" for name, value in told.items() if name != variable("export")]
    which = ["--simulated"] if export is None else ["--export", shlex.quote(str(export))]
    return " ".join((*others, "tactful run", *which, *options))


def adopt(settings: Settings, source: Source) -> Path | None:
    """Make `source` the home's export; another export's data are set aside whole, and come back with their export.

    Returns:
        Where the former export's data were put, if there was another.

    Raises:
        HomeError: a decision service or pages are on the home, or what was built can't be set aside.
    """
    marker = settings.home / _SOURCE
    identity = _identity(settings, source)
    before = json.loads(marker.read_text()) if marker.is_file() else None
    if before == identity:
        return None
    set_aside = None
    if before is not None:
        if "warehouse" in before.keys() | identity.keys():
            # what lies in BigQuery, Redis and Postgres can't be set aside with a folder
            raise HomeError(f"{settings.home} belongs to the export {before['export']}: set {HOME} to another folder.")
        with _locked(settings, _LOCK, fcntl.LOCK_EX, _SERVERS):
            set_aside = _place(settings, before)
            _move_all(settings.home, set_aside)
            _move_all(_place(settings, identity), settings.home)
    prepare(settings)
    marker.write_text(json.dumps(identity))
    return set_aside


@contextmanager
def watched(settings: Settings) -> Iterator[None]:
    """While the block runs, the home is not given to another export; a process that is killed lets go of it too.

    Raises:
        HomeError: it is being given to another one now.
        OSError: the home can't be written.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _locked(settings, _LOCK, fcntl.LOCK_SH, "a run on another export: wait for its end"):
        yield


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """While the block runs, no other run works on the home.

    Raises:
        HomeError: one does already.
    """
    with _locked(settings, _RUN_LOCK, fcntl.LOCK_EX, "another run: wait for its end"):
        yield


@contextmanager
def _locked(settings: Settings, name: str, mode: int, by: str) -> Iterator[None]:
    with (settings.home / name).open("w") as lock:
        try:
            fcntl.flock(lock, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeError(f"{settings.home} is in use by {by}.") from None
        yield


def _identity(settings: Settings, source: Source) -> Mapping[str, str]:
    if source.kind == "own":
        shop = {name for name in Settings.model_fields if name.startswith("simulation_")}
        stated = settings.model_dump(mode="json", include=shop)
        return {"export": _SIMULATED, **{name: str(value) for name, value in stated.items()}}
    if source.kind == "bigquery":
        return {"export": source.place, "warehouse": settings.warehouse_dataset}
    return {"export": source.place}


def _place(settings: Settings, identity: Mapping[str, str]) -> Path:
    # the digest keeps apart what reads the same once slashes are gone
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    return settings.home / EARLIER / f"{Path(identity['export']).name}-{digest}"


def _move_all(here: Path, there: Path) -> None:
    if not here.is_dir():
        return
    there.mkdir(parents=True, exist_ok=True)
    for entry in here.iterdir():
        if entry.name not in _OF_EVERY_EXPORT:
            entry.replace(there / entry.name)


def require_run(settings: Settings) -> None:
    """Refuse to look at a home in which no run was begun.

    Raises:
        SettingsError: none was.
    """
    if not (settings.home / _SOURCE).is_file():
        raise SettingsError(f"Nothing has run in {settings.home} yet: `make run` comes first.")
