"""What a release is told beside its data, and what every version states of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from typing import Any

import pandas as pd

from ml import gate
from ml.versions import ChampionVersion

BUDGET = "impression_budget"
"""The tag of the impression budget that a version's threshold was chosen for."""

DRIFTED_ON = "drifted_on"
"""The tag of the last drift that a version learnt of, as YYYY-MM-DD."""


@dataclass(frozen=True)
class Terms:
    """What a release is told beside its data; `whole_sessions` is the share of sessions that hold their start.

    `drifted_on` is the first day, on the clock of `zone`, of visitors who are others than before; None where no drift
    is known. `asked` says by name what asked for the release. `logged` are the features of the model's newest decisions
    on record. `dask_scheduler` is the address of a cluster to learn on; None: this machine.
    """

    contract_checksum: str
    conversion_event: str
    impression_budget: float
    is_simulated: bool
    whole_sessions: float
    zone: tzinfo = UTC
    drifted_on: date | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    logged: Sequence[Mapping[str, Any]] = ()
    dask_scheduler: str | None = None

    @property
    def drift(self) -> pd.Timestamp | None:
        """The instant of the drift that is known."""
        return None if self.drifted_on is None else pd.Timestamp(self.drifted_on, tz=self.zone)


def may_stay(champion: ChampionVersion | None, terms: Terms) -> bool:
    """Whether a champion decides on where a version did not pass: if nothing but the rows has changed."""
    data = gate.judge_data(terms.whole_sessions)
    return data.is_passed and gate.may_stay(champion, terms.conversion_event, terms.contract_checksum)


def has_budget(champion: ChampionVersion, terms: Terms) -> bool:
    """Whether a champion's threshold was chosen for the impression budget of now."""
    now = f"{terms.impression_budget:g}"
    return champion.tags.get(BUDGET, now) == now


def tags_of(trained_from: str, trained_to: str, service: str, terms: Terms) -> dict[str, str]:
    """What every version states about where it comes from."""
    return {
        "feature_service": service,
        "contract": terms.contract_checksum,
        "trained_from": trained_from,
        "trained_to": trained_to,
        "conversion_event": terms.conversion_event,
        BUDGET: f"{terms.impression_budget:g}",
        "simulated": str(terms.is_simulated).lower(),
    }


def drift_known_to(version: ChampionVersion | None) -> date | None:
    """The first day after the last drift that a version learnt of, None where it learnt of none."""
    stated = version.tags.get(DRIFTED_ON) if version else None
    return date.fromisoformat(stated) if stated else None
