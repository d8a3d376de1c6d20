"""The settings of the platform: environment variables named TACTFUL_*, read once at the edge."""

import difflib
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tactful import seasons

PREFIX = "TACTFUL_"
HOME = PREFIX + "HOME"
DEFAULT_HOME = Path(".tactful")
REMEMBERED = "settings.env"
TRUTH_MARK = "TRUTH_OF_A_SIMULATED_SHOP"
"""The file by which a folder of truth is known; neither home nor export may lie in it, or hold it."""

_DEEP = 3
"""How far down a mark is looked for: at every start, and below that a home holds thousands of folders of its own."""

EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
"""Between these a made-up shop's first day lies."""

MOST_DAYS, MOST_SESSIONS = 3_660, 10_000_000
"""The largest made-up shop: its days, and its sessions a day."""

_FEWEST_SIGNS = 8
SECRETS = ("pseudonym_key", "notify", "redis_url", "postgres_url")
NEEDED_BY_GCP = {
    "gcp_project": "the Google Cloud project that holds the data and pays, as my-shop-123",
    "gcp_location": "where its BigQuery datasets lie, as EU or europe-west1",
    "export_dataset": "the dataset that GA4 exports to, as analytics_123456789",
    "redis_url": "Feast's online store, as redis://:password@host:6379/0",
    "postgres_url": "a database for Dagster, MLflow and Feast's registry, as postgresql://user:password@host:5432/tactful",
    "artifacts": "where MLflow keeps models, as gs://bucket/folder",
}
"""The settings without which the profile gcp can't run, and what each is."""


class SettingsError(ValueError):
    """A setting is unknown or wrong; the message is one line that names it and what would be right."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("an IANA time zone such as Europe/Warsaw is needed")
    return name


def _no_truth(folder: Path | None) -> Path | None:
    if folder and (marked := next(_marked_around(folder), None)):
        raise ValueError(f"{marked} holds the truth of a simulated shop, which the platform must not read")
    return folder


def _marked_around(folder: Path) -> Iterator[Path]:
    """Folders with the mark: those that a folder lies in, itself, and those that lie in it, some levels deep."""
    place = folder.resolve()
    yield from (outer for outer in place.parents if (outer / TRUTH_MARK).exists())
    # a folder in it that may not be read is passed over
    for path, folders, files in os.walk(place):
        if TRUTH_MARK in files:
            yield Path(path)
        if len(Path(path).relative_to(place).parts) == _DEEP:
            folders.clear()


def _known_peaks(text: str | None) -> str | None:
    seasons.peaks_of(text or "")
    return text


def _strong(key: SecretStr) -> SecretStr:
    stated = key.get_secret_value().strip()
    if len(stated.encode()) < 32:
        raise ValueError("at least 32 bytes are needed, as `openssl rand -hex 32` gives them")
    # an example, as changeme again and again; random bytes in hexadecimal next to never have so few
    if len(set(stated)) < _FEWEST_SIGNS:
        raise ValueError("it is too easily guessed; `openssl rand -hex 32` gives one that isn't")
    return key


def _redis(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("an address such as redis://:password@host:6379/0 is needed, or rediss:// with TLS")
    if "," in unquote(parts.password or "") + unquote(parts.username or ""):
        raise ValueError("Feast can't be told a user or password that holds a comma; choose another")
    return url


def _postgres(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise ValueError("an address such as postgresql://user:password@host:5432/database is needed")
    return url


def _places(urls: SecretStr) -> SecretStr:
    if not re.match(r"^[a-z][a-z0-9]*://\S", urls.get_secret_value()):
        raise ValueError("Apprise's URLs are needed, commas between them, as mailto://... or slack://...")
    return urls


Port = Annotated[int, Field(ge=1, le=65535)]
Dataset = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class Settings(BaseSettings):
    """Everything a user may set; each field is read from TACTFUL_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    profile: Literal["local", "gcp"] = "local"
    home: Annotated[Path, AfterValidator(_no_truth)] = Field(
        DEFAULT_HOME, description="folder that everything is written to"
    )
    export: Annotated[Path | None, AfterValidator(_no_truth)] = Field(
        None, description="folder of a GA4 export; none: the simulator's shop"
    )
    dask_scheduler: str | None = Field(
        None, pattern=r"^(tcp|tls)://.+:\d+$", description="address of a Dask cluster that models are trained on"
    )
    conversion_event: str = Field("popup_submit", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field("UTC", description="the GA4 property's time zone")
    export_delay_hours: int = Field(6, ge=0, le=72, description="hours after midnight at which GA4 delivers a day")
    impression_budget: float = Field(0.5, gt=0, le=1, description="share of visitors that a pop-up may interrupt")
    season_peaks: Annotated[str | None, AfterValidator(_known_peaks)] = Field(
        None, description="times of the year that are compared with themselves alone, as 11-20..12-31"
    )
    query_keys: str = Field(
        "utm_source,utm_medium,utm_campaign,utm_content,utm_term,utm_id",
        pattern=r"^([A-Za-z0-9_.~-]+(,[A-Za-z0-9_.~-]+)*)?$",
        description="keys that are kept of URLs' query strings",
    )
    pseudonym_key: Annotated[SecretStr, AfterValidator(_strong)] | None = None
    notify: Annotated[SecretStr, AfterValidator(_places)] | None = Field(
        None, description="Apprise's URLs of those who are told what goes wrong"
    )
    retrain_cooldown_hours: int = Field(24, ge=0, le=24 * 365, description="hours between two retrainings for drift")
    data_until_hour: int = Field(
        20, ge=14, le=23, description="hour until which the daily job waits for the newest day"
    )

    simulation_first_day: date = Field(date(2026, 1, 5), ge=EARLIEST, le=LATEST)
    simulation_days: int = Field(60, ge=14, le=MOST_DAYS)
    simulation_sessions: int = Field(930, ge=1, le=MOST_SESSIONS, description="sessions a day, on average")
    simulation_seed: int = Field(7, ge=0)

    gcp_project: str | None = Field(None, pattern=r"^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$")
    gcp_location: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    export_dataset: Dataset | None = None
    warehouse_dataset: Dataset = "tactful"
    first_day: date | None = None
    last_day: date | None = None
    redis_url: Annotated[SecretStr, AfterValidator(_redis)] | None = None
    postgres_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    artifacts: str | None = Field(None, pattern=r"^[a-z0-9]+://.+$")

    host: Literal["127.0.0.1", "0.0.0.0"] = Field(  # noqa: S104  chosen by who sets it
        "127.0.0.1", description="addresses of this machine that pages and decisions are served on: its own, or all"
    )
    dagster_port: Port = 3000
    mlflow_port: Port = 5000
    decision_port: Port = 8000
    reports_port: Port = 8010
    decision_connections: int = Field(512, ge=1, description="connections that one address may hold")
    session_policy: Literal["time_based", "interval", "batch_flag", "sequential"] = "sequential"
    session_minutes: int = Field(
        30, ge=1, le=24 * 60, description="minutes that a live session is kept after it last changed"
    )
    sessions_at_most: int = Field(100_000, ge=1, le=10_000_000)
    demo_shop: bool = Field(False, description="whether the decision service has the demonstration shop")
    scoring: Literal["native", "onnx"] = Field("onnx", description="what scores in the decision service")
    features_deadline_ms: int = Field(50, ge=1, le=60_000)
    features_kept_ms: int = Field(0, ge=0, le=60_000)
    shadow_share: float = Field(1, ge=0, le=1, description="share of decisions beside which a challenger scores")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def peaks(self) -> tuple[seasons.Peak, ...]:
        """The peaks of the year, as `season_peaks` lists them."""
        return seasons.peaks_of(self.season_peaks or "")

    @property
    def missing(self) -> dict[str, str]:
        """The variables that the profile needs and that are not set, each with what it is."""
        if self.profile == "local":
            return {}
        return {variable(name): what for name, what in NEEDED_BY_GCP.items() if getattr(self, name) is None}

    @property
    def secrets(self) -> dict[str, str]:
        """The variables whose values are shown and written nowhere, with their values."""
        held = {name: getattr(self, name) for name in SECRETS}
        return {variable(name): secret.get_secret_value() for name, secret in held.items() if secret}


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load(remembered: bool = True, complete: bool = True, export: Path | None = None) -> Settings:
    """The settings of the environment, over those that the last run remembered in its home; `export` is over both.

    Raises:
        SettingsError: a TACTFUL_* variable is unknown, one or `export` is wrong, or `complete` and one is missing.
    """
    _refuse_unknown()
    home = Path(os.environ.get(HOME) or DEFAULT_HOME).absolute()
    file = home / REMEMBERED if remembered else None
    try:
        settings = Settings(_env_file=file) if export is None else Settings(_env_file=file, export=export)
    except ValidationError as invalid:
        raise SettingsError(_told(invalid)) from None
    if settings.profile == "gcp" and settings.pseudonym_key is not None:
        raise SettingsError(f"{variable('pseudonym_key')} is set, and the profile gcp stores GA4's own ids: unset it.")
    if complete and settings.missing:
        lacking = "; ".join(f"{name} ({what})" for name, what in settings.missing.items())
        raise SettingsError(f"{variable('profile')} is {settings.profile!r}, which also needs {lacking}.")
    return settings.model_copy(update={"home": home, "export": settings.export and settings.export.absolute()})


def _told(invalid: ValidationError) -> str:
    """The first mistake in one line, which never shows what may be a secret."""
    first = invalid.errors()[0]
    name = variable(str(first["loc"][0]).upper().removeprefix(PREFIX))
    is_secret = name.removeprefix(PREFIX).lower() in SECRETS
    value = "wrong" if is_secret else repr(str(first["input"]))
    return f"{name} is {value}: {first['msg'].removeprefix('Value error, ')}."


def _refuse_unknown() -> None:
    known = [variable(field) for field in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
            raise SettingsError(f"{name} is not a setting; {hint}")
