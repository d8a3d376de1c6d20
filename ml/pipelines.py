"""scikit-learn models, stored as skops rather than as pickles, and used where a booster is expected."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from ml.encoding import Matrix

# Fixed here, and never read from a file: a file that could name its own trusted types could run its own code.
TRUSTED = ("numpy.dtype",)

# A model may be sure of 0 or 1; six in seven digits is all that float32 tells apart from them.
_EDGE = 1e-7


class PipelineBooster:
    """A fitted scikit-learn classifier behind the two calls that a bundle makes of an XGBoost booster."""

    def __init__(self, classifier: ClassifierMixin) -> None:
        self.classifier = classifier

    def inplace_predict(self, matrix: Matrix, predict_type: str = "margin") -> NDArray[np.float64]:
        """The log odds of each row.

        Raises:
            ValueError: `predict_type` is not "margin".
        """
        if predict_type != "margin":
            raise ValueError(f"predict_type is {predict_type!r}; only 'margin' is known here.")
        return log_odds(self.classifier.predict_proba(matrix)[:, 1])

    def save_model(self, file: Path) -> None:
        dump(self.classifier, file)


def dump(model: BaseEstimator, file: Path) -> None:
    """Write a fitted scikit-learn model."""
    import skops.io

    skops.io.dump(model, file)


def load(content: bytes) -> BaseEstimator:
    """The model that `dump` wrote; skops refuses a file with types other than its own and `TRUSTED`."""
    import skops.io

    return skops.io.loads(content, trusted=list(TRUSTED))


def log_odds(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """The margin of a probability, finite at 0 and 1 too."""
    inside = np.clip(probability.astype(np.float64), _EDGE, 1 - _EDGE)
    return np.log(inside / (1 - inside))
