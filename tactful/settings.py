"""The settings of the platform: environment variables named TACTFUL_*, read once at the edge."""

import difflib
import os
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TACTFUL_"
HOME = PREFIX + "HOME"
DEFAULT_HOME = Path(".tactful")
REMEMBERED = "settings.env"


class SettingsError(ValueError):
    """A setting is unknown or wrong; the message is one line that names it and what would be right."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("an IANA time zone such as Europe/Warsaw is needed")
    return name


Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Everything a user may set; each field is read from TACTFUL_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(DEFAULT_HOME, description="folder that everything is written to")
    export: Path | None = Field(None, description="folder of a GA4 export; none: the simulator's shop")
    conversion_event: str = Field("popup_submit", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field("UTC", description="the GA4 property's time zone")
    export_delay_hours: int = Field(6, ge=0, le=72, description="hours after midnight at which GA4 delivers a day")
    impression_budget: float = Field(0.5, gt=0, le=1, description="share of visitors that a pop-up may interrupt")

    simulation_first_day: date = date(2026, 1, 5)
    simulation_days: int = Field(60, ge=14, le=3660)
    simulation_sessions: int = Field(1000, ge=1, description="sessions a day, on average")
    simulation_seed: int = Field(7, ge=0)

    dagster_port: Port = 3000
    mlflow_port: Port = 5000
    decision_port: Port = 8000
    reports_port: Port = 8010

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def load(remembered: bool = True) -> Settings:
    """The settings of the environment, over those that the last run remembered in its home.

    Raises:
        SettingsError: a TACTFUL_* variable is unknown or has a wrong value.
    """
    _refuse_unknown()
    home = Path(os.environ.get(HOME) or DEFAULT_HOME).absolute()
    file = home / REMEMBERED if remembered else None
    try:
        settings = Settings(_env_file=file)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper().removeprefix(PREFIX)
        raise SettingsError(f"{name} is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}.") from None
    return settings.model_copy(update={"home": home, "export": settings.export and settings.export.absolute()})


def _refuse_unknown() -> None:
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
            raise SettingsError(f"{name} is not a setting; {hint}")
