"""A shop that is delivered day by day, and a platform that has seen no more of it and does what its automation asks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pandas as pd

from benchmarks.automation import Answer, ask
from ml.registry import Registry
from ml.specs import POPUP_BEHAVIOUR
from ml.versions import ChampionVersion
from orchestration.today import FIRST_HOUR
from simulator.export import write
from simulator.shop import Shop
from tactful.settings import Settings

SPEC = POPUP_BEHAVIOUR
"""The model whose champions are looked at."""

_TOLD = ("window", "verdict", "status", "version", "reason", SPEC.name)


@dataclass
class World:
    """A shop whose days are `written` and delivered until `day`, and a platform that has seen no more of it."""

    shop: Shop
    settings: Settings
    written: Path
    day: date
    cursor: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, shop: Shop, folder: Path) -> Self:
        """A shop of which no day is delivered yet; simulated weeks pass in minutes, so that no cooldown is asked."""
        settings = Settings(home=folder / "home", export=folder / "export", retrain_cooldown_hours=0)
        (folder / "export").mkdir()
        write(folder / "written", shop)
        return cls(shop, settings, folder / "written", shop.first_day - timedelta(days=1))

    @property
    def registry(self) -> Registry:
        return Registry.of(self.settings)

    @property
    def champion(self) -> ChampionVersion:
        """The version that decides.

        Raises:
            RuntimeError: none does.
        """
        found = self.registry.champion(SPEC.name)
        if found is None:
            raise RuntimeError(f"Nobody is champion of {SPEC.name} on {self.day}.")
        return found

    @property
    def moments(self) -> pd.DataFrame:
        """The training set of now: all moments at which the pop-up was shown, and their answers."""
        return pd.read_parquet(self.settings.home / "training_sets" / f"{SPEC.name}.parquet")

    def deliver(self, days: int) -> None:
        """The files of the next days come into the export."""
        for _ in range(days):
            self.day += timedelta(days=1)
            file = self.written / f"events_{self.day:%Y%m%d}.parquet"
            file.rename(self.written.parent / "export" / file.name)

    def daily(self) -> Answer:
        """The run that the schedule asks for on the afternoon after the last day.

        Raises:
            RuntimeError: it asks for none, or the run failed.
        """
        afternoon = datetime(self.day.year, self.day.month, self.day.day, FIRST_HOUR, tzinfo=UTC) + timedelta(days=1)
        answer = ask(self.settings, "daily", afternoon.isoformat())
        if answer.asked is None:
            raise RuntimeError(f"The daily job of {self.day} was not asked for: {answer.told}")
        self._tell("daily", answer, ("feature_drift", "champion_guard"))
        return answer

    def watch(self) -> Answer:
        """The run that the sensor of drift asks for, if it asks for one."""
        answer = ask(self.settings, "retrain_on_drift", self.cursor)
        self.cursor = answer.cursor
        self._tell("retrain_on_drift", answer, (SPEC.name,))
        return answer

    def _tell(self, who: str, answer: Answer, assets: Sequence[str]) -> None:
        told = {
            asset: {name: answer.said[asset][name] for name in _TOLD if name in answer.said[asset]}
            for asset in assets
            if asset in answer.said
        }
        self.log.append({"day": f"{self.day}", "who": who, "asked": answer.asked, "told": answer.told, **told})
        print(json.dumps(self.log[-1], indent=1), flush=True)
