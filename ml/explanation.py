"""Why a model scores a row as it does: SHAP values, which sum to the margin (Lundberg and Lee, 2017)."""

import numpy as np
import pandas as pd

from ml import families
from ml.datasets import F
from ml.training import Fitted

BASE = "base"
"""The column of what a model says of nobody in particular."""


def contributions(fitted: Fitted[F], frame: pd.DataFrame) -> pd.DataFrame:
    """What each feature adds to the log odds of each row, and their BASE; a row's sum is its uncalibrated margin.

    Levels of a text count together.
    """
    shares = families.contributions(fitted.booster, fitted.encoding.transform(frame))
    parts = np.split(shares, np.cumsum(list(fitted.encoding.widths.values())), axis=1)
    return pd.DataFrame(
        {name: part.sum(axis=1) for name, part in zip((*fitted.encoding.levels, BASE), parts, strict=True)},
        index=frame.index,
    )
