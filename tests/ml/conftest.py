"""A small made-up shop: who looks at many pages or comes by phone converts more often."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ml.bundle import BundleFeature, Header
from ml.registry import Registry
from ml.specs import MODELS, PURCHASE_PROPENSITY, Candidate, ModelSpec
from ml.training import Fitted, fit
from tactful.settings import Settings

TYPES = {"pages": "int64", "minutes": "float64", "is_new": "bool", "device": "string"}
FEATURES = tuple(BundleFeature(name, "shop", "user", kind, 86400.0, None) for name, kind in TYPES.items())
HEADER = Header("shop", "shop_v1", "c0ffee", "popup_submit", "2026-01-01", "2026-01-20", 0.5)


def first_settings(candidate: Candidate) -> Candidate:
    """A family with one setting in place of its grid, which is quicker to fit."""
    return replace(candidate, grid={name: values[:1] for name, values in candidate.grid.items()})


def only(spec: ModelSpec, *candidates: Candidate) -> ModelSpec:
    return replace(spec, candidates=tuple(first_settings(candidate) for candidate in candidates))


# every model, and each family that a model might choose
SPECS: Mapping[str, ModelSpec] = {
    **{spec.name: only(spec, *spec.candidates) for spec in MODELS},
    **{candidate.family: only(PURCHASE_PROPENSITY, candidate) for candidate in PURCHASE_PROPENSITY.candidates},
}


def build_shop(label: str, rows: int = 600, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pages = rng.poisson(3, rows)
    device = rng.choice(["mobile", "desktop"], rows)
    odds = np.exp(0.8 * pages + 1.0 * (device == "mobile") - 5.0)
    return pd.DataFrame(
        {
            "pages": pages.astype(float),
            "minutes": np.where(rng.random(rows) < 0.05, np.nan, rng.gamma(2, 2, rows)),
            "is_new": rng.choice(np.array([True, False, None], dtype=object), rows, p=(0.5, 0.45, 0.05)),
            "device": device.astype(object),
            "user_pseudo_id": [f"user {number}" for number in rng.integers(0, rows // 2, rows)],
            "event_timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.sort(rng.random(rows)) * 30, "D"),
            label: rng.random(rows) < odds / (1 + odds),
        }
    ).assign(settled_at=lambda table: table["event_timestamp"] + pd.Timedelta(hours=1))


@cache
def fit_to_shop(name: str) -> Fitted[BundleFeature]:
    spec = SPECS[name]
    return fit(spec, build_shop(spec.label), FEATURES)


@pytest.fixture(params=list(SPECS))
def fitted(request: pytest.FixtureRequest) -> Fitted[BundleFeature]:
    """Each model in turn, fitted once in the whole run."""
    return fit_to_shop(request.param)


@pytest.fixture(scope="session")
def popup_model() -> Fitted[BundleFeature]:
    return fit_to_shop("popup_profile")


@pytest.fixture(scope="session")
def mlflow_registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry for models of many names; making one takes longer than what most tests ask of it."""
    return Registry.of(Settings(home=tmp_path_factory.mktemp("mlflow")))


@pytest.fixture
def features() -> tuple[BundleFeature, ...]:
    return FEATURES


@pytest.fixture
def header() -> Header:
    return HEADER


@pytest.fixture(scope="session")
def shop() -> Callable[..., pd.DataFrame]:
    return build_shop
