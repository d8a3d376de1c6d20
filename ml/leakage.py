"""Probes of training rows for what no honest feature could know."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from ml.datasets import DatasetError, F
from ml.encoding import Encoding
from ml.evaluation import roc_auc

MOST_OF_ONE = 0.95
"""ROC-AUC that no single honest feature reaches: behaviour is not that telling."""

_FOLDS = 4
_LEAVES = 8


def probe(features: Sequence[F], frame: pd.DataFrame, target: NDArray[np.bool_], seed: int = 7) -> None:
    """Refuse rows in which a feature alone tells the answer.

    Raises:
        DatasetError: a feature reaches MOST_OF_ONE; the message names each one with its ROC-AUC.
    """
    found = {feature.name: alone(feature, frame, target, seed) for feature in features}
    leaks = ", ".join(f"{name} ({auc:.3f})" for name, auc in found.items() if auc > MOST_OF_ONE)
    if leaks:
        raise DatasetError(
            f"ROC-AUC above {MOST_OF_ONE} by one feature alone: {leaks}. It knows the answer: build it from what was "
            "known at the decision moment, or leave it out of the model."
        )


def alone(feature: F, frame: pd.DataFrame, target: NDArray[np.bool_], seed: int = 7) -> float:
    """ROC-AUC of what one feature tells of rows that were not learnt from, whichever way and however crooked."""
    matrix = Encoding.fit([feature], frame).transform(frame)
    if not matrix.shape[1]:
        return 0.5
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=5, random_state=seed)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    return roc_auc(target, cross_val_predict(tree, matrix, target, cv=folds, method="predict_proba")[:, 1])
