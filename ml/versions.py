"""Versions of models: what one is registered with, what serving follows, and how MLflow stores it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xgboost as xgb
from sklearn.base import BaseEstimator

from ml.encoding import Feature
from ml.pipelines import TRUSTED

if TYPE_CHECKING:
    from mlflow.models import ModelSignature


@dataclass(frozen=True)
class NewVersion:
    """All that a version is registered with; `digest` is that of the bundle in `bundle_folder`.

    `evidence` are tables of figures by name, as JSON values.
    """

    name: str
    purpose: str
    card: str
    model: xgb.Booster | BaseEstimator
    features: Sequence[Feature]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    bundle_folder: Path
    digest: str
    plots_folder: Path
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChampionVersion:
    """The version of a model that serving follows."""

    name: str
    version: str
    digest: str
    run_id: str
    tags: Mapping[str, str]


def signature_of(features: Sequence[Feature]) -> "ModelSignature":
    """Every feature as a required column in contract order: text as string, all else as double, or NaN."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [
        ColSpec("string" if feature.data_type == "string" else "double", feature.name) for feature in features
    ]
    return ModelSignature(Schema(columns), Schema([ColSpec("double", "score")]))


def log_model(new: NewVersion) -> str:
    """Log a version's model to the run that is active; returns its URI."""
    import mlflow

    signature = signature_of(new.features)
    if isinstance(new.model, xgb.Booster):
        logged = mlflow.xgboost.log_model(
            new.model,
            name=new.name,
            model_format="json",
            signature=signature,
            pip_requirements=[f"xgboost=={xgb.__version__}"],
        )
    else:
        import sklearn

        logged = mlflow.sklearn.log_model(
            new.model,
            name=new.name,
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED),
            signature=signature,
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", "skops"],
        )
    return str(logged.model_uri)


@contextmanager
def tracking_to(uri: str) -> Iterator[None]:
    """MLflow logs models to a store that is global to the process: `uri` in here, and afterwards the one before."""
    import mlflow

    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
