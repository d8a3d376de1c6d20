"""A model learnt on a cluster of two processes is as good as one learnt here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from ml import distributed, training
from ml.bundle import BundleFeature
from ml.datasets import DatasetError
from ml.evaluation import roc_auc, target_of
from ml.specs import POPUP_PROFILE, PURCHASE_PROPENSITY
from tests.ml.conftest import only

SPEC = only(POPUP_PROFILE, *POPUP_PROFILE.candidates)
Shop = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as running:
        yield running


def test_a_cluster_learns_as_well_as_one_process(
    cluster: LocalCluster, shop: Shop, features: Sequence[BundleFeature], monkeypatch: pytest.MonkeyPatch
) -> None:
    # settings are compared on a part of the rows, as those of a frame that does not fit into memory are
    monkeypatch.setattr(distributed, "SAMPLE_ROWS", 3_000)
    known, unseen = shop("converts", rows=8_000), shop("converts", rows=8_000, seed=2)
    target = target_of(unseen, "converts")
    with Client(cluster) as client:
        there = distributed.fit(
            SPEC, dd.from_pandas(known.astype({"is_new": "boolean"}), npartitions=5), features, client
        )
    here = training.fit(SPEC, known, features)
    score = there.score(unseen)
    assert (there.rows, there.positives) == (here.rows, here.positives)
    assert roc_auc(target, score) == pytest.approx(roc_auc(target, here.score(unseen)), abs=0.01)
    assert score.mean() == pytest.approx(target.mean(), rel=0.1)
    assert (score >= there.threshold).mean() == pytest.approx(0.5, abs=0.1)


def test_a_cluster_is_reached_by_its_address(
    cluster: LocalCluster, shop: Shop, features: Sequence[BundleFeature]
) -> None:
    table = shop("converts", rows=2_000)
    fitted = distributed.on_cluster(cluster.scheduler_address)(SPEC, table, features, 0.5)
    assert np.isfinite(fitted.score(table)).all()
    assert set(fitted.importance()) == {feature.name for feature in features}


def test_without_xgboost_there_is_nothing_to_learn_on_a_cluster(
    cluster: LocalCluster, shop: Shop, features: Sequence[BundleFeature]
) -> None:
    forest = replace(SPEC, candidates=PURCHASE_PROPENSITY.candidates[:2])
    with pytest.raises(DatasetError, match="popup_profile names no xgboost candidate"):
        distributed.on_cluster(cluster.scheduler_address)(forest, shop("converts"), features, 0.5)


def test_a_cluster_that_is_not_there_is_named(shop: Shop, features: Sequence[BundleFeature]) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        distributed.on_cluster("tcp://127.0.0.1:9")(SPEC, shop("converts"), features, 0.5)
