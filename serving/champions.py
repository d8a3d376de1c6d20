"""The champion and the challenger of each model, kept in memory and followed as their aliases move in the registry."""

import logging
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from ml import bundle, policy
from ml.bundle import Bundle, BundleError
from serving.first_load import FirstLoads
from serving.vector import Assembler, check_servable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

CHAMPION = "champion"
CHALLENGER = "challenger"
DIGEST_TAG = "bundle_digest"
ARTIFACT = "bundle"
SQLITE = "sqlite:///"

_LEFT_ALONE = "visitors are left alone until"

log = logging.getLogger(__name__)


class ChampionError(Exception):
    """The champion or challenger of a model can't be served; the message says which version and why."""


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


class Served(NamedTuple):
    """The versions of a model in memory, as they were at one moment."""

    champion: Champion | None
    challenger: Champion | None


class Champions:
    """The latest good champion and challenger of each of `models`, looked for anew every `interval` seconds.

    They stay in memory while the registry is away, or names a version or a threshold that can't be served.
    """

    def __init__(self, tracking_uri: str, models: Sequence[str], cache: Path, interval: float = 5.0) -> None:
        self.tracking_uri = tracking_uri
        self.models = tuple(models)
        self.cache = cache
        self.interval = interval
        self._client: MlflowClient | None = None
        self._loaded: dict[str, Champion] = {}
        self._challengers: dict[str, Champion] = {}
        self._problems: dict[str, str] = {}
        self._stopped = threading.Event()
        self.first_loads = FirstLoads(cache, self._stopped)
        self._watch = threading.Thread(target=self._follow, name="champions", daemon=True)

    def of(self, model: str) -> Champion | None:
        return self._loaded.get(model)

    def challenger_of(self, model: str) -> Champion | None:
        return self._challengers.get(model)

    def served(self, model: str) -> Served:
        return Served(self.of(model), self.challenger_of(model))

    def __enter__(self) -> Self:
        self.refresh()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._watch.join()

    def refresh(self) -> None:
        """Look once at each model's aliases, and load what they name anew."""
        # MLflow would make the database that isn't there, which is training's to do.
        if self.tracking_uri.startswith(SQLITE) and not Path(self.tracking_uri.removeprefix(SQLITE)).is_file():
            then = "those before it go on" if self._loaded else f"{_LEFT_ALONE} `make run` has trained one"
            self._report("champion of any model", f"{self.tracking_uri} isn't there; {then}.")
            return
        for model in self.models:
            with self._reporting(f"champion of {model}"):
                registered = self._registered(model)
                with self._reporting(f"challenger of {model}"):
                    self._look_for_challenger(registered)
                self._look_for_champion(registered)

    def _follow(self) -> None:
        while not self._stopped.wait(self.interval):
            self.refresh()

    @contextmanager
    def _reporting(self, sought: str) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
            self._problems.pop(sought, None)
        except (ChampionError, ValueError, OSError, MlflowException, SQLAlchemyError) as error:
            self._report(sought, str(error))

    def _report(self, sought: str, problem: str) -> None:
        if problem != self._problems.get(sought):
            log.warning("No new %s: %s", sought, problem)
        self._problems[sought] = problem

    def _look_for_champion(self, registered: "RegisteredModel") -> None:
        model = registered.name
        if CHAMPION not in registered.aliases:
            # taken away on purpose, which is not a registry that can't be reached
            self._loaded.pop(model, None)
            raise ChampionError(f"no version is champion; {_LEFT_ALONE} `tactful models promote` or a run names one.")
        self._loaded[model] = self._followed(registered, CHAMPION, self._loaded.get(model))

    def _look_for_challenger(self, registered: "RegisteredModel") -> None:
        model, named = registered.name, registered.aliases.get(CHALLENGER)
        if named is None or named == registered.aliases.get(CHAMPION):
            self._challengers.pop(model, None)
        else:
            self._challengers[model] = self._followed(registered, CHALLENGER, self._challengers.get(model))

    def _followed(self, registered: "RegisteredModel", alias: str, loaded: Champion | None) -> Champion:
        named = self._opened().get_model_version_by_alias(registered.name, alias)
        version, digest = str(named.version), named.tags.get(DIGEST_TAG, "")
        if named.run_id is None or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ChampionError(f"Version {version} has no run or no SHA-256 in its tag {DIGEST_TAG}: {digest!r}.")
        threshold = policy.threshold_set(registered.tags)
        if loaded is None or (loaded.version, loaded.digest) != (version, digest):
            try:
                read = self._bundle(named.run_id, digest)
            except BundleError as refusal:
                raise ChampionError(f"Version {version} can't be loaded. {refusal}") from refusal
        else:
            read = loaded.bundle
        return Champion(version, digest, read, read.header.threshold if threshold is None else threshold)

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
        self.first_loads.prove(digest)
        loaded = bundle.read(folder, digest)
        check_servable(loaded.features)
        return loaded

    def _fetch(self, run_id: str, folder: Path) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as parts:
            Path(self._opened().download_artifacts(run_id, ARTIFACT, parts)).rename(folder)
