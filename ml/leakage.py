"""Probes of training rows for what no honest feature could know."""

from collections.abc import Sequence

import pandas as pd
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ml.datasets import DatasetError, F
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


def alone(spec: ModelSpec, feature: F, frame: pd.DataFrame) -> float:
    """ROC-AUC of what one feature tells of rows that were not learnt from, whichever way and however crooked."""
    matrix = Encoding.fit([feature], frame).transform(frame)
    if not matrix.shape[1]:
        return 0.5
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=5, random_state=spec.seed)
    target = target_of(frame, spec.label)
    folds = folds_of(spec, frame, target)
    return roc_auc(target, cross_val_predict(tree, matrix, target, cv=folds, method="predict_proba")[:, 1])
