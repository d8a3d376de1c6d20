"""Probes of training rows for what no honest feature could know."""

from collections.abc import Sequence

import pandas as pd
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ml.datasets import EVENT_TIMESTAMP, SETTLED_AT, DatasetError, F
from ml.encoding import Encoding
from ml.evaluation import roc_auc, target_of
from ml.search import folds_of
from ml.specs import ModelSpec

MOST_OF_ONE = 0.95
"""ROC-AUC that no single honest feature reaches: behaviour is not that telling."""

_LEAVES = 8


def probe(spec: ModelSpec, features: Sequence[F], frame: pd.DataFrame) -> None:
    """Refuse rows, enough for the spec to learn from, in which a feature alone tells the answer.

    Raises:
        DatasetError: a feature reaches MOST_OF_ONE; the message names each one with its ROC-AUC.
    """
    found = {feature.name: alone(spec, feature, frame) for feature in features}
    leaks = ", ".join(f"{name} ({auc:.3f})" for name, auc in found.items() if auc > MOST_OF_ONE)
    if leaks:
        raise DatasetError(
            f"ROC-AUC above {MOST_OF_ONE} by one feature alone: {leaks}. It knows the answer: build it from what was "
            "known at the decision moment, or leave it out of the model."
        )


def probe_labels(spec: ModelSpec, frame: pd.DataFrame) -> None:
    """Refuse rows whose label was settled before its moment, or after the horizon that keeps training from the test.

    Raises:
        DatasetError: a label lies outside its window; the message counts both kinds.
    """
    moment, settled = frame[EVENT_TIMESTAMP], frame[SETTLED_AT]
    early, late = int((settled <= moment).sum()), int((settled > moment + spec.horizon).sum())
    if early or late:
        raise DatasetError(
            f"{spec.label} was settled at or before its moment in {early} of {len(frame)} rows, and more than "
            f"{spec.horizon} after it in {late}: a label looks after {EVENT_TIMESTAMP} alone, as far as the horizon."
        )


def alone(spec: ModelSpec, feature: F, frame: pd.DataFrame) -> float:
    """ROC-AUC of what one feature tells of rows that were not learnt from, whichever way and however crooked."""
    matrix = Encoding.fit([feature], frame).transform(frame)
    if not matrix.shape[1]:
        return 0.5
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=5, random_state=spec.seed)
    target = target_of(frame, spec.label)
    folds = folds_of(spec, frame, target)
    return roc_auc(target, cross_val_predict(tree, matrix, target, cv=folds, method="predict_proba")[:, 1])
