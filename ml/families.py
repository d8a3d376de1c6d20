"""The families of estimators that a spec may name."""

from typing import Any, Self

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.encoding import Encoding, Matrix
from ml.pipelines import PipelineBooster
from ml.specs import Family


class EarlyStopped(xgb.XGBClassifier):  # type: ignore[misc]
    """XGBoost with as many trees as a fifth of the rows, held out, ask for; `users` says whose rows stay together."""

    def fit(
        self,
        X: Matrix,  # noqa: N803 - scikit-learn's names
        y: NDArray[np.bool_],
        users: NDArray[np.intp] | None = None,
        **kwargs: Any,
    ) -> Self:
        if self.early_stopping_rounds is None:
            super().fit(X, y, **kwargs)
            return self
        held_out = self._held_out(y, np.arange(len(y)) if users is None else users)
        super().fit(X[~held_out], y[~held_out], eval_set=[(X[held_out], y[held_out])], verbose=False, **kwargs)
        return self

    def _held_out(self, y: NDArray[np.bool_], users: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The rows of a fifth of the users, and of a fifth of those with a positive row if there is more than one."""
        known, whose = np.unique(users, return_inverse=True)
        converts = np.bincount(whose, y) > 0
        strata = converts if np.bincount(converts, minlength=2).min() > 1 else None
        # scikit-learn's own split by strata and groups takes ten times as long as the trees
        _, drawn = train_test_split(known, test_size=0.2, stratify=strata, random_state=self.random_state)
        return np.isin(users, drawn)


class LearntAgain(EarlyStopped):
    """XGBoost with the trees that held-out rows asked for, then learnt again with that many on all rows."""

    def fit(
        self,
        X: Matrix,  # noqa: N803 - scikit-learn's names
        y: NDArray[np.bool_],
        users: NDArray[np.intp] | None = None,
        **kwargs: Any,
    ) -> Self:
        super().fit(X, y, users, **kwargs)
        if self.early_stopping_rounds is not None:
            most, patience = self.n_estimators, self.early_stopping_rounds
            self.set_params(n_estimators=self.best_iteration + 1, early_stopping_rounds=None)
            super().fit(X, y, users, **kwargs)
            self.set_params(n_estimators=most, early_stopping_rounds=patience)
        return self


def build(family: Family, seed: int, n_jobs: int, to_compare: bool = False) -> ClassifierMixin:
    """An unfitted classifier that takes a matrix with nulls; one `to_compare` with others fits but once."""
    match family:
        case "logistic_regression":
            imputer = SimpleImputer(strategy="median", keep_empty_features=True)
            return make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))
        case "random_forest":
            # as XGBoost grows one, its votes add up on the scale of log odds, and SHAP values tell them apart
            return xgb.XGBRFClassifier(tree_method="hist", random_state=seed, n_jobs=n_jobs)
        case "xgboost":
            kind = EarlyStopped if to_compare else LearntAgain
            return kind(tree_method="hist", random_state=seed, n_jobs=n_jobs)


def booster_of(classifier: ClassifierMixin) -> xgb.Booster | PipelineBooster:
    """What a bundle stores of a fitted classifier."""
    return classifier.get_booster() if isinstance(classifier, xgb.XGBClassifier) else PipelineBooster(classifier)


def importance(booster: xgb.Booster | PipelineBooster, columns: int) -> NDArray[np.float64]:
    """How much each of the matrix's columns counts, as shares of the whole."""
    if isinstance(booster, xgb.Booster):
        gains = booster.get_score(importance_type="total_gain")
        raw = np.array([gains.get(f"f{column}", 0.0) for column in range(columns)], dtype=np.float64)
    else:
        raw = np.abs(booster.classifier[-1].coef_[0])
    return raw / (raw.sum() or 1.0)


def importance_by_feature(booster: xgb.Booster | PipelineBooster, encoding: Encoding) -> dict[str, float]:
    """Each feature's share in what a model uses, the largest first; levels of a text count together."""
    shares = importance(booster, len(encoding.names))
    ends = np.cumsum(list(encoding.widths.values()))
    by_feature = [float(part.sum()) for part in np.split(shares, ends[:-1])]
    return dict(sorted(zip(encoding.levels, by_feature, strict=True), key=lambda pair: -pair[1]))


def contributions(booster: xgb.Booster | PipelineBooster, matrix: Matrix) -> NDArray[np.float64]:
    """SHAP values, shape (rows, columns + 1), the base last."""
    if isinstance(booster, xgb.Booster):
        shares: NDArray[np.float64] = booster.predict(xgb.DMatrix(matrix), pred_contribs=True).astype(np.float64)
        return shares
    # scaled columns have the mean 0, so that a linear term is its own SHAP value
    *_, linear = booster.classifier
    terms = booster.classifier[:-1].transform(matrix) * linear.coef_[0]
    return np.column_stack([terms, np.full(len(matrix), linear.intercept_[0])])
