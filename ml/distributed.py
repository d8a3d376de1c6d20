"""Fitting on a Dask cluster, for frames that don't fit into one machine's memory, by XGBoost's own Dask interface."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from ml import training
from ml.calibration import calibrate
from ml.datasets import DatasetError, F
from ml.encoding import Encoding
from ml.specs import ModelSpec
from ml.training import Fitted

if TYPE_CHECKING:
    import dask.dataframe as dd
    from distributed import Client

SAMPLE_ROWS = 100_000
"""Rows, drawn at random, that settings are compared on, and that levels and missing shares are taken from."""

_LABEL, _HELD_OUT, _CURRENT = "label", "is_held_out", "is_current"


def on_cluster(address: str) -> Callable[[ModelSpec, pd.DataFrame, Sequence[F], float], Fitted[F]]:
    """`training.fit` on the Dask cluster of an address, for a frame that is in memory here.

    Its call raises OSError where there is no cluster.
    """

    def fit_there(spec: ModelSpec, frame: pd.DataFrame, features: Sequence[F], impression_budget: float) -> Fitted[F]:
        import dask
        import dask.dataframe as dd
        from distributed import Client

        # else truth values with a null among them would become texts
        with dask.config.set({"dataframe.convert-string": False}), Client(address, timeout="5s") as client:
            partitions = sum(client.ncores().values())
            return fit(spec, dd.from_pandas(frame, npartitions=partitions), features, client, impression_budget)

    return fit_there


def fit(
    spec: ModelSpec, frame: "dd.DataFrame", features: Sequence[F], client: "Client", impression_budget: float = 0.5
) -> Fitted[F]:
    """The spec's model as `training.fit` learns it, from a frame whose partitions lie on a cluster.

    Settings are compared on SAMPLE_ROWS rows here. The best one then learns from all rows there: from all folds but
    one, which tells the number of trees, the calibration and the threshold, and at last from every row. Random forests
    and logistic regressions are left out: XGBoost alone learns from partitions. Of a spec's `current`
    rows, those of the held-out fold count.

    Raises:
        TooFewPositives, DatasetError: as `training.fit`; too few positives are counted in the sample.
    """
    rows, nulls = len(frame), int(frame[spec.label].isna().sum().compute())
    if nulls:
        raise DatasetError(f"Label {spec.label} is null in {nulls} of {rows} rows; each row needs a label.")
    sample = frame.sample(frac=min(1.0, SAMPLE_ROWS / rows), random_state=spec.seed).compute()
    tried = training.fit(_boosted(spec), sample, features, impression_budget)
    there = frame.map_partitions(
        _encoded, tried.encoding, spec, meta=_encoded(frame._meta, tried.encoding, spec)
    ).persist()
    booster, margin, unseen = _learn(tried, spec, there, client)
    calibration, threshold = calibrate(
        margin, unseen[_LABEL].to_numpy(), impression_budget, unseen[_CURRENT].to_numpy()
    )
    return replace(
        tried,
        spec=spec,
        booster=booster,
        calibration=calibration,
        threshold=threshold,
        rows=rows,
        positives=int(there[_LABEL].sum().compute()),
    )


def _learn(
    tried: Fitted[Any], spec: ModelSpec, there: "dd.DataFrame", client: "Client"
) -> tuple[xgb.Booster, NDArray[np.float64], pd.DataFrame]:
    """The booster of all rows, the margins of those held out from the one that it follows, and their labels."""
    from xgboost import dask as xgb_dask

    names = list(tried.encoding.names)

    def matrix(part: "dd.DataFrame", reference: Any = None) -> Any:
        return xgb_dask.DaskQuantileDMatrix(client, part[names], part[_LABEL], ref=reference)

    params, most, patience = _native(tried, spec)
    known, unseen = there[~there[_HELD_OUT]], there[there[_HELD_OUT]].persist()
    learnt = matrix(known)
    stopped = xgb_dask.train(
        client, params, learnt, most, evals=[(matrix(unseen, learnt), "unseen")], early_stopping_rounds=patience
    )["booster"]
    trees = stopped.best_iteration + 1 if patience else most
    margin = xgb_dask.inplace_predict(client, stopped[:trees], unseen[names], predict_type="margin").compute()
    booster = xgb_dask.train(client, params, matrix(there), trees)["booster"]
    # the matrix that a bundle encodes has places and no names
    booster.feature_names = None
    return booster, np.asarray(margin), unseen[[_LABEL, _CURRENT]].compute()


def _boosted(spec: ModelSpec) -> ModelSpec:
    candidates = tuple(candidate for candidate in spec.candidates if candidate.family == "xgboost")
    if not candidates:
        raise DatasetError(f"{spec.name} names no xgboost candidate, which alone learns on a cluster.")
    return replace(spec, candidates=candidates)


def _encoded(part: pd.DataFrame, encoding: Encoding, spec: ModelSpec) -> pd.DataFrame:
    """The matrix of a partition's rows by column name, their labels, and which are held out, and current."""
    encoded = pd.DataFrame(encoding.transform(part), columns=list(encoding.names), index=part.index)
    group = part[spec.group] if spec.group else pd.Series(part.index, index=part.index)
    fold = pd.util.hash_pandas_object(group, index=False) % spec.folds
    current = part[spec.current].astype(bool) if spec.current else True
    return encoded.assign(
        **{_LABEL: part[spec.label].astype(bool), _HELD_OUT: (fold == 0).astype(bool), _CURRENT: current}
    )


def _native(tried: Fitted[Any], spec: ModelSpec) -> tuple[dict[str, Any], int, int | None]:
    """The best setting as XGBoost itself names it, the most trees, and the rounds without gain after which it stops."""
    settings = dict(tried.trials[0].params)
    most, patience = settings.pop("n_estimators"), settings.pop("early_stopping_rounds", None)
    classifier = xgb.XGBClassifier(**settings, tree_method="hist", random_state=spec.seed)
    params = {name: value for name, value in classifier.get_xgb_params().items() if value is not None}
    return {**params, "objective": "binary:logistic"}, most, patience
