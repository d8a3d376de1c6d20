"""Probes of training rows for what no honest feature could know."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ml.datasets import EVENT_TIMESTAMP, SETTLED_AT, DatasetError, F
from ml.encoding import Encoding
from ml.evaluation import roc_auc
from ml.search import Codes, Folds, folds_of
from ml.specs import ModelSpec, StageSpec

MOST_OF_ONE = 0.95
"""ROC-AUC that no single honest feature reaches: behaviour is not that telling."""

_LEAVES = 8


def probe(spec: ModelSpec | StageSpec, features: Sequence[F], frame: pd.DataFrame) -> None:
    """Refuse rows, enough for the spec to learn from, in which a feature alone tells the answer.

    Raises:
        DatasetError: a feature reaches MOST_OF_ONE; the message names each one with its ROC-AUC.
    """
    found: dict[str, float] = {}
    for label in spec.labels:
        target = pd.factorize(frame[label], sort=True)[0]
        folds = folds_of(spec, frame, target)
        for feature in features:
            # what tells little even of rows that were learnt from tells no more of others, and is quicker found out
            if _learnt(feature, frame, target, spec.seed) > MOST_OF_ONE:
                auc = alone(feature, frame, target, folds, spec.seed)
                found[feature.name] = max(auc, found.get(feature.name, 0.0))
    leaks = ", ".join(f"{name} ({auc:.3f})" for name, auc in found.items() if auc > MOST_OF_ONE)
    if leaks:
        raise DatasetError(
            f"ROC-AUC above {MOST_OF_ONE} by one feature alone: {leaks}. It knows the answer: build it from what was "
            "known at the decision moment, or leave it out of the model."
        )


def probe_labels(spec: ModelSpec | StageSpec, frame: pd.DataFrame) -> None:
    """Refuse rows whose label was settled before its moment, or after the horizon that keeps training from the test.

    Raises:
        DatasetError: a label lies outside its window; the message counts both kinds.
    """
    moment, settled = frame[EVENT_TIMESTAMP], frame[SETTLED_AT]
    early, late = int((settled <= moment).sum()), int((settled > moment + spec.horizon).sum())
    if early or late:
        raise DatasetError(
            f"{' and '.join(spec.labels)} was settled at or before its moment in {early} of {len(frame)} rows, and "
            f"more than {spec.horizon} after it in {late}: a label looks after {EVENT_TIMESTAMP} alone, as far as the "
            "horizon."
        )


def alone(feature: F, frame: pd.DataFrame, target: Codes, folds: Folds, seed: int) -> float:
    """ROC-AUC of what one feature tells of rows that were not learnt from, whichever way and however crooked.

    Of several answers, numbered from 0 in `target`, the one that it tells best from the others counts.
    """
    matrix = Encoding.fit([feature], frame).transform(frame)
    if not matrix.shape[1]:
        return 0.5
    shares = cross_val_predict(_tree(seed), matrix, target, cv=folds, method="predict_proba")
    return max(roc_auc(target == answer, shares[:, answer]) for answer in range(shares.shape[1]))


def _learnt(feature: F, frame: pd.DataFrame, target: Codes, seed: int) -> float:
    """ROC-AUC of what one feature tells of the rows that were learnt from, by ranks (Mann and Whitney, 1947)."""
    matrix = Encoding.fit([feature], frame).transform(frame)
    if not matrix.shape[1]:
        return 0.5
    shares = _tree(seed).fit(matrix, target).predict_proba(matrix)
    is_answer = target[:, None] == np.arange(shares.shape[1])
    rows = is_answer.sum(axis=0)
    ranks = np.where(is_answer, rankdata(shares, axis=0), 0.0).sum(axis=0)
    return float(np.max((ranks - rows * (rows + 1) / 2) / (rows * (len(target) - rows))))


def _tree(seed: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=5, random_state=seed)
