"""MLflow: runs with what was measured, versions with what serving needs, the alias that serving follows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from ml import bundle, policy
from ml.ledger import Ledger
from ml.unavailable import told
from ml.versions import ChampionVersion, NewVersion, log_model, tracking_to
from tactful import stores
from tactful.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

EXPERIMENT = "tactful"
CHAMPION = "champion"
LAST_CHAMPION = "last_champion"
CHALLENGER = "challenger"
BUNDLE = "bundle"
EVIDENCE = "evidence"
MODEL_CARD = "model_card.md"
BUNDLE_DIGEST = "bundle_digest"


class RegistryError(ValueError):
    """A version can't be promoted; the message names it and what it lacks."""


@dataclass(frozen=True)
class Registry:
    """An MLflow tracking store with its model registry; artifacts go under the URI `artifact_location`.

    `ledger` tells how each champion came to be.
    """

    tracking_uri: str
    artifact_location: str
    ledger: Ledger

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The registry that the settings' profile keeps."""
        if settings.profile == "local":
            # SQLite makes its database, but no folder
            (settings.home / "mlflow").mkdir(parents=True, exist_ok=True)
        return cls(
            stores.tracking_uri(settings), stores.artifact_location(settings), Ledger(stores.ledger_url(settings))
        )

    def ensure(self) -> str:
        """Create the store and its experiment where missing; returns the experiment's id.

        MLflow can't create a store twice at once, so call it before any concurrent use.
        """
        client = self._client()
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(EXPERIMENT, artifact_location=self.artifact_location))

    def register(self, new: NewVersion) -> str:
        """Log a run and register its model; returns the version, which no alias points to yet.

        Raises:
            RegistryUnavailable: the store is locked for too long, or can't be written.
        """
        with told(self.tracking_uri):
            return self._register(new)

    def _register(self, new: NewVersion) -> str:
        import mlflow

        experiment_id = self.ensure()
        with (
            tracking_to(self.tracking_uri),
            mlflow.start_run(
                experiment_id=experiment_id,
                run_name=new.name,
                tags=dict(new.tags),
                description=new.card,
            ),
        ):
            mlflow.log_params(dict(new.params))
            model_uri = log_model(new)
            # after the model, so that MLflow shows them on the model's page too
            mlflow.log_metrics(dict(new.metrics))
            mlflow.log_text(new.card, MODEL_CARD)
            for name, table in new.evidence.items():
                mlflow.log_text(json.dumps(table), f"{EVIDENCE}/{name}.json")
            mlflow.log_artifacts(str(new.plots_folder), "plots")
            mlflow.log_artifacts(str(new.bundle_folder), BUNDLE)
            version = mlflow.register_model(model_uri, new.name, tags={**new.tags, BUNDLE_DIGEST: new.digest}).version
        client = self._client()
        client.update_registered_model(new.name, new.purpose)
        client.update_model_version(new.name, version, new.card)
        return str(version)

    def checked(self, name: str, version: str, read: Callable[[Path, str], object] = bundle.read) -> ChampionVersion:
        """A version that may become champion: its bundle was fetched, and loaded as serving will.

        Raises:
            RegistryError: there is no such version, or it has no bundle digest or no bundle.
            BundleError: the bundle does not load.
        """
        stored = self.version(name, version)
        if BUNDLE_DIGEST not in stored.tags:
            raise RegistryError(f"Version {version} of {name} has no tag {BUNDLE_DIGEST}; register it again.")
        with TemporaryDirectory() as folder:
            read(self.download_bundle(name, version, Path(folder)), stored.digest)
        return stored

    def point(self, name: str, alias: str, version: str | None) -> None:
        """Move an alias to a version; None takes it away. `ml.promotion` moves the champion's, with its ledger."""
        if version is None:
            self._client().delete_registered_model_alias(name, alias)
        else:
            self._client().set_registered_model_alias(name, alias, version)

    def threshold(self, name: str) -> float | None:
        """The threshold that the business has set for a model; None where each version goes by its own.

        Raises:
            RegistryError: there is no such model.
            ValueError: the model's tag holds no probability.
        """
        return policy.threshold_set(self._registered(name).tags)

    def set_threshold(self, name: str, threshold: float | None) -> None:
        """Set the threshold of a model, for this champion and those to come; None leaves it to each version again.

        Raises:
            RegistryError: there is no such model.
            ValueError: `threshold` is no probability.
        """
        tags = self._registered(name).tags
        if threshold is not None:
            policy.threshold_set({policy.THRESHOLD_TAG: str(threshold)})
            self._client().set_registered_model_tag(name, policy.THRESHOLD_TAG, str(threshold))
        elif policy.THRESHOLD_TAG in tags:
            self._client().delete_registered_model_tag(name, policy.THRESHOLD_TAG)

    def add_evidence(self, name: str, version: str, metrics: Mapping[str, float], section: str) -> None:
        """Add to a version what became known of it after it was registered: figures, and a section of its card."""
        client = self._client()
        stored = client.get_model_version(name, version)
        for metric, value in metrics.items():
            client.log_metric(str(stored.run_id), metric, value)
        card = f"{stored.description or ''}\n{section}\n"
        client.log_text(str(stored.run_id), card, MODEL_CARD)
        client.update_model_version(name, version, card)

    def metrics(self, version: ChampionVersion) -> Mapping[str, float]:
        """The figures that a version was registered with, and those added since."""
        return dict(self._client().get_run(version.run_id).data.metrics)

    def evidence(self, version: ChampionVersion, name: str) -> Any:
        """A table of figures that a version was registered with; None if it has no such one."""
        client, file = self._client(), f"{EVIDENCE}/{name}.json"
        if file not in [artifact.path for artifact in client.list_artifacts(version.run_id, EVIDENCE)]:
            return None
        with TemporaryDirectory() as folder:
            return json.loads(Path(client.download_artifacts(version.run_id, file, folder)).read_text())

    def champion(self, name: str) -> ChampionVersion | None:
        """The version that serving follows; None before the first promotion."""
        return self.version_at(name, CHAMPION)

    def last_champion(self, name: str) -> ChampionVersion | None:
        """The champion, or the version that was it until it was retired; None before the first promotion."""
        return self.champion(name) or self.version_at(name, LAST_CHAMPION)

    def version_at(self, name: str, alias: str) -> ChampionVersion | None:
        """The version that an alias names; None where nobody has it.

        Raises:
            RegistryUnavailable: the store is locked for too long, or can't be read.
        """
        with told(self.tracking_uri):
            found = self._client().search_registered_models(f"name = '{name}'")
            version = found[0].aliases.get(alias) if found else None
            return _champion(self._client().get_model_version(name, version)) if version else None

    def version(self, name: str, version: str) -> ChampionVersion:
        """A version by its number, champion or not.

        Raises:
            RegistryError: there is no such version.
        """
        versions = {str(stored.version): stored for stored in self._client().search_model_versions(f"name = '{name}'")}
        if version not in versions:
            raise RegistryError(f"{name} has no version {version}; it has {', '.join(versions) or 'none'}.")
        return _champion(versions[version])

    def names(self) -> Sequence[str]:
        """The registered models, in the order of the alphabet."""
        return sorted(model.name for model in self._client().search_registered_models())

    def registered_at(self, name: str, version: str) -> datetime:
        """When a version was registered, UTC."""
        stored = self._client().get_model_version(name, version)
        return datetime.fromtimestamp(stored.creation_timestamp / 1000, UTC)

    def tags(self, name: str) -> Sequence[Mapping[str, str]]:
        """The tags of every version of a model, champion or not."""
        return [dict(version.tags) for version in self._client().search_model_versions(f"name = '{name}'")]

    def download_bundle(self, name: str, version: str, to: Path) -> Path:
        """Fetch a version's bundle into a folder; returns the bundle's own folder.

        Raises:
            RegistryError: the version's run holds no bundle.
        """
        client = self._client()
        run_id = str(client.get_model_version(name, version).run_id)
        if not client.list_artifacts(run_id, BUNDLE):
            raise RegistryError(f"Version {version} of {name} has no artifact {BUNDLE!r} in run {run_id}.")
        return Path(client.download_artifacts(run_id, BUNDLE, str(to)))

    def _registered(self, name: str) -> "RegisteredModel":
        found = self._client().search_registered_models(f"name = '{name}'")
        if not found:
            raise RegistryError(f"No model is called {name!r}; registered are {', '.join(self.names()) or 'none yet'}.")
        return found[0]

    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(self.tracking_uri, self.tracking_uri)


def _champion(stored: "ModelVersion") -> ChampionVersion:
    tags = dict(stored.tags)
    return ChampionVersion(stored.name, str(stored.version), tags.get(BUNDLE_DIGEST, ""), str(stored.run_id), tags)
