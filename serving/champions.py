"""The champion of each model, kept in memory and followed as its alias moves in MLflow's registry."""

import logging
import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ml import bundle, policy
from ml.bundle import Bundle
from serving.vector import Assembler, check_servable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

ALIAS = "champion"
DIGEST_TAG = "bundle_digest"
ARTIFACT = "bundle"
SQLITE = "sqlite:///"

_LEFT_ALONE = "visitors are left alone until"

log = logging.getLogger(__name__)


class ChampionError(Exception):
    """The champion of a model can't be served; the message says which version and why."""


@dataclass(frozen=True)
class Champion:
    """A model version ready to score; from `threshold` on, the pop-up is shown."""

    version: str
    digest: str
    bundle: Bundle
    threshold: float

    # needed with every batch
    @cached_property
    def assembler(self) -> Assembler:
        return Assembler(self.bundle.features)


class Champions:
    """The latest good champion of each of `models`; every `interval` seconds it looks for a moved alias or threshold.

    A champion stays in memory while the registry is away, or names a version or a threshold that can't be served.
    """

    def __init__(self, tracking_uri: str, models: Sequence[str], cache: Path, interval: float = 5.0) -> None:
        self.tracking_uri = tracking_uri
        self.models = tuple(models)
        self.cache = cache
        self.interval = interval
        self._client: MlflowClient | None = None
        self._loaded: dict[str, Champion] = {}
        self._problems: dict[str, str] = {}
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._follow, name="champions", daemon=True)

    def of(self, model: str) -> Champion | None:
        return self._loaded.get(model)

    def __enter__(self) -> Self:
        self.refresh()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._watch.join()

    def refresh(self) -> None:
        """Look once at each model's alias, and load what has become champion."""
        # MLflow would make the database that isn't there, which is training's to do.
        if self.tracking_uri.startswith(SQLITE) and not Path(self.tracking_uri.removeprefix(SQLITE)).is_file():
            then = "those before it go on" if self._loaded else f"{_LEFT_ALONE} `make run` has trained one"
            self._report("any model", f"{self.tracking_uri} isn't there; {then}.")
            return
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        for model in self.models:
            try:
                self._look(model)
                self._problems.pop(model, None)
            except (ChampionError, ValueError, OSError, MlflowException, SQLAlchemyError) as error:
                self._report(model, str(error))

    def _follow(self) -> None:
        while not self._stopped.wait(self.interval):
            self.refresh()

    def _report(self, name: str, problem: str) -> None:
        if problem != self._problems.get(name):
            log.warning("No new champion of %s: %s", name, problem)
        self._problems[name] = problem

    def _look(self, model: str) -> None:
        registered = self._registered(model)
        if ALIAS not in registered.aliases:
            # taken away on purpose, which is not a registry that can't be reached
            self._loaded.pop(model, None)
            raise ChampionError(f"no version is champion; {_LEFT_ALONE} `tactful models promote` or a run names one.")
        named = self._opened().get_model_version_by_alias(model, ALIAS)
        version, digest = str(named.version), named.tags.get(DIGEST_TAG, "")
        if named.run_id is None or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ChampionError(f"Version {version} has no run or no SHA-256 in its tag {DIGEST_TAG}: {digest!r}.")
        threshold, loaded = policy.threshold_set(registered.tags), self._loaded.get(model)
        if loaded is None or (loaded.version, loaded.digest) != (version, digest):
            read = self._bundle(named.run_id, digest)
        else:
            read = loaded.bundle
        self._loaded[model] = Champion(version, digest, read, read.header.threshold if threshold is None else threshold)

    def _registered(self, model: str) -> "RegisteredModel":
        from mlflow.exceptions import MlflowException

        try:
            return self._opened().get_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise ChampionError(f"it has no version yet; {_LEFT_ALONE} `make run` has trained one.") from None

    def _opened(self) -> "MlflowClient":
        if self._client is None:
            from mlflow.tracking import MlflowClient

            self._client = MlflowClient(self.tracking_uri)
        return self._client

    def _bundle(self, run_id: str, digest: str) -> Bundle:
        folder = self.cache / digest
        if not folder.is_dir():
            self._fetch(run_id, folder)
        loaded = bundle.read(folder, digest)
        check_servable(loaded.features)
        return loaded

    def _fetch(self, run_id: str, folder: Path) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as parts:
            Path(self._opened().download_artifacts(run_id, ARTIFACT, parts)).rename(folder)
