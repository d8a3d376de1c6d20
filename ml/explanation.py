"""Why a model scores a row as it does: SHAP values, which sum to the margin (Lundberg and Lee, 2017)."""

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from ml.datasets import F
from ml.encoding import Matrix
from ml.pipelines import PipelineBooster
from ml.training import Fitted

BASE = "base"
"""The column of what a model says of nobody in particular."""


def contributions(fitted: Fitted[F], frame: pd.DataFrame) -> pd.DataFrame | None:
    """What each feature adds to the log odds of each row, and their BASE; a row's sum is its uncalibrated margin.

    Levels of a text count together. Of a random forest there is None: its votes are not added up on this scale.
    """
    shares = _by_column(fitted.booster, fitted.encoding.transform(frame))
    if shares is None:
        return None
    widths = [1 if levels is None else len(levels) for levels in fitted.encoding.levels.values()]
    parts = np.split(shares, np.cumsum(widths), axis=1)
    return pd.DataFrame(
        {name: part.sum(axis=1) for name, part in zip((*fitted.encoding.levels, BASE), parts, strict=True)},
        index=frame.index,
    )


def _by_column(booster: xgb.Booster | PipelineBooster, matrix: Matrix) -> NDArray[np.float64] | None:
    """Shape (rows, columns + 1), the base last."""
    if isinstance(booster, xgb.Booster):
        shares: NDArray[np.float64] = booster.predict(xgb.DMatrix(matrix), pred_contribs=True).astype(np.float64)
        return shares
    if not hasattr(booster.classifier, "steps"):
        return None
    # scaled columns have the mean 0, so that a linear term is its own SHAP value
    *_, linear = booster.classifier
    terms = booster.classifier[:-1].transform(matrix) * linear.coef_[0]
    return np.column_stack([terms, np.full(len(matrix), linear.intercept_[0])])
