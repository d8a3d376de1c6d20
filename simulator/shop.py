"""The parameters of the simulated world."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from simulator.changes import Change
from simulator.effects import Effects
from simulator.experience import Experience
from simulator.faults import Faults
from simulator.moods import Moods
from simulator.popups import PopUp
from simulator.returns import Returns
from simulator.stages import Stages
from simulator.visitors import Arrivals
from simulator.walk import Behaviour


@dataclass(frozen=True)
class Shop:
    """A world; the same values always give the same files.

    `sessions_per_day` is a mean over weeks; days are those of `time_zone`. Before a day that it `opens` on nobody has
    come. From the day `relabels` on, Google's organic visits are written under another medium.
    """

    seed: int = 7
    first_day: date = date(2026, 1, 5)
    days: int = 60
    sessions_per_day: float = 930
    time_zone: str = "UTC"
    arrivals: Arrivals = field(default_factory=Arrivals)
    moods: Moods = field(default_factory=Moods)
    behaviour: Behaviour = field(default_factory=Behaviour)
    experience: Experience = field(default_factory=Experience)
    pop_up: PopUp = field(default_factory=PopUp)
    returns: Returns = field(default_factory=Returns)
    stages: Stages = field(default_factory=Stages)
    effects: Effects = field(default_factory=Effects)
    changes: tuple[Change, ...] = ()
    opens: date | None = None
    relabels: date | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def calendar(self) -> tuple[date, ...]:
        """The days that are written."""
        return tuple(self.first_day + timedelta(days=day) for day in range(self.days))
