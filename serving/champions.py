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

import msgspec

from ml import policy
from ml.bundle import Bundle, BundleError
from serving.first_load import FirstLoads
from serving.last_served import LastServed, LastVersion
from serving.vector import Assembler, check_servable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

CHAMPION = "champion"
CHALLENGER = "challenger"
DIGEST_TAG = "bundle_digest"
ARTIFACT = "bundle"
SQLITE = "sqlite:///"

PATIENCE = 10.0
"""Seconds that a start gives the registry, where it can go by what was served last."""
ENDING = 5.0
"""Seconds that the end gives a look at the registry."""

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

    They stay in memory while the registry is away, or names a version or a threshold that can't be served. What was
    served last is kept in `cache` too: a start begins with it, and gives the registry `patience` seconds to say more.
    They are scored by `engine`: `native`, or `onnx` where they hold an ONNX model.
    """

    def __init__(
        self, tracking_uri: str, models: Sequence[str], cache: Path, interval: float = 5.0, engine: str = "onnx"
    ) -> None:
        self.tracking_uri = tracking_uri
        self.models = tuple(models)
        self.cache = cache
        self.interval = interval
        self.patience = PATIENCE
        self._client: MlflowClient | None = None
        self._loaded: dict[str, Champion] = {}
        self._challengers: dict[str, Champion] = {}
        self._problems: dict[str, str] = {}
        self._last_served = LastServed(cache)
        self._heard: set[str] = set()
        self._looked = threading.Event()
        self._stopped = threading.Event()
        self.first_loads = FirstLoads(cache, self._stopped, engine)
        self._watch = threading.Thread(target=self._follow, name="champions", daemon=True)

    def of(self, model: str) -> Champion | None:
        return self._loaded.get(model)

    def challenger_of(self, model: str) -> Champion | None:
        return self._challengers.get(model)

    def served(self, model: str) -> Served:
        return Served(self.of(model), self.challenger_of(model))

    def __enter__(self) -> Self:
        for model in self.models:
            self._restore(model)
        self._watch.start()
        self._looked.wait(self.patience if self._loaded else None)
        unheard = [model for model in self.models if model in self._loaded and model not in self._heard]
        if unheard:
            log.warning("The registry has not answered; what was served last goes on of %s.", ", ".join(unheard))
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        # a registry that hangs must not hold up the end
        self._watch.join(ENDING)

    def refresh(self) -> None:
        """Look once at each model's aliases, and load what they name anew."""
        with self._reporting("champion of any model"):
            self._check_registry()
            for model in self.models:
                self._look_at(model)

    def _follow(self) -> None:
        self.refresh()
        self._looked.set()
        while not self._stopped.wait(self.interval):
            self.refresh()

    def _check_registry(self) -> None:
        # MLflow would make the database that isn't there, which is training's to do.
        if self.tracking_uri.startswith(SQLITE) and not Path(self.tracking_uri.removeprefix(SQLITE)).is_file():
            then = "those before it go on" if self._loaded else f"{_LEFT_ALONE} `make run` has trained one"
            raise ChampionError(f"{self.tracking_uri} isn't there; {then}.")

    def _look_at(self, model: str) -> None:
        with self._reporting(f"champion of {model}"):
            registered = self._registered(model)
            with self._reporting(f"challenger of {model}"):
                self._look_for_challenger(registered)
            self._look_for_champion(registered)
        if model in self._heard:
            with self._reporting(f"file of what is served of {model}"):
                self._keep(model)

    def _restore(self, model: str) -> None:
        """Load what was served of `model` last."""
        with self._reporting(f"file of what is served of {model}"):
            last = self._last_served.read(model)
            for alias, loaded in self._by_alias().items():
                if alias in last:
                    with self._reporting(f"{alias} of {model} as it was served last"):
                        version, digest, threshold = msgspec.structs.astuple(last[alias])
                        loaded[model] = Champion(version, digest, self._read(digest), threshold)

    def _keep(self, model: str) -> None:
        served = {alias: loaded[model] for alias, loaded in self._by_alias().items() if model in loaded}
        last = {alias: LastVersion(each.version, each.digest, each.threshold) for alias, each in served.items()}
        self._last_served.write(model, last)

    def _by_alias(self) -> dict[str, dict[str, Champion]]:
        return {CHAMPION: self._loaded, CHALLENGER: self._challengers}

    @contextmanager
    def _reporting(self, sought: str) -> Iterator[None]:
        try:
            yield
            self._problems.pop(sought, None)
        except ChampionError as error:
            self._report(sought, str(error))
        # a registry and where it keeps files raise whatever their libraries do, and nobody else would be told
        except Exception as error:
            self._report(sought, f"{type(error).__name__}: {' '.join(str(error).split())}")

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
            registered = self._opened().get_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            registered = None
        self._heard.add(model)
        if registered is None:
            self._loaded.pop(model, None)
            self._challengers.pop(model, None)
            raise ChampionError(f"it has no version yet; {_LEFT_ALONE} `make run` has trained one.")
        return registered

    def _opened(self) -> "MlflowClient":
        if self._client is None:
            from mlflow.tracking import MlflowClient

            self._client = MlflowClient(self.tracking_uri)
        return self._client

    def _bundle(self, run_id: str, digest: str) -> Bundle:
        folder = self.cache / digest
        if not folder.is_dir():
            self._fetch(run_id, folder)
        return self._read(digest)

    def _read(self, digest: str) -> Bundle:
        loaded = self.first_loads.read(digest)
        check_servable(loaded.features)
        return loaded

    def _fetch(self, run_id: str, folder: Path) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as parts:
            Path(self._opened().download_artifacts(run_id, ARTIFACT, parts)).rename(folder)
