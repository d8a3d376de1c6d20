"""What the champions say of users, as rows for the warehouse."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.contract import FeatureTable
from ml import stage_bundle, trial
from ml.bundle import Bundle, BundleError
from ml.knowledge import keys_of
from ml.registry import Registry, RegistryError
from ml.specs import ModelSpec, StageSpec
from ml.stage_bundle import StageBundle


class ScorerError(ValueError):
    """A champion can't be asked; the message names it, and says why and what to do."""


@dataclass(frozen=True)
class Scorer:
    """The champion of a model of users, ready to be asked."""

    spec: ModelSpec | StageSpec
    version: str
    registered_at: datetime
    bundle: Bundle | StageBundle

    def score(self, table: FeatureTable, users: pd.DataFrame) -> pd.DataFrame:
        """What it says of `users`, at least one row of `table`, with their keys and clocks.

        `score` is the calibrated probability of the label that `answer` names; or `answer` is the stage that most
        speaks for, and `score` how much, which is no probability (`Namer.score`).
        """
        answer, score = self._answer(users)
        keys = keys_of(table, users, self.registered_at)
        return keys.assign(model=self.spec.name, answer=answer, score=score, version=self.version)

    def _answer(self, users: pd.DataFrame) -> tuple[str | NDArray[np.object_], NDArray[np.float64]]:
        if isinstance(self.bundle, StageBundle):
            namer = self.bundle.namer
            return namer.name(users), namer.score(users).max(axis=1).astype(np.float64)
        (label,) = self.spec.labels
        return label, self.bundle.score(users)


def open_scorer(registry: Registry, spec: ModelSpec | StageSpec, contract_checksum: str) -> Scorer | None:
    """The champion of a model; None where there is none.

    Raises:
        ScorerError: it learnt from another contract than that of the features now, or its bundle can't be used.
    """
    champion = registry.champion(spec.name)
    if champion is None:
        return None
    told = f"Nobody is scored by {spec.name}: its champion, version {champion.version},"
    if champion.tags.get("contract") != contract_checksum:
        raise ScorerError(f"{told} learnt from another contract of the features. Train it again (job retrain).")
    read = stage_bundle.read if isinstance(spec, StageSpec) else trial.read_sound
    try:
        with TemporaryDirectory() as folder:
            bundle = read(registry.download_bundle(spec.name, champion.version, Path(folder)), champion.digest)
    except (BundleError, RegistryError) as damaged:
        raise ScorerError(
            f"{told} can't be used. {damaged} Go back to the one before it (tactful models rollback {spec.name}), "
            "or train it again (job retrain)."
        ) from damaged
    return Scorer(spec, champion.version, registry.registered_at(spec.name, champion.version), bundle)
