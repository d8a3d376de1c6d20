"""Stages of the buyer's journey, learnt from one definition of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV

from ml import families
from ml.datasets import DatasetError, F, split_by_missing
from ml.encoding import Encoding
from ml.places import Columns
from ml.search import Codes, folds_of
from ml.specs import StageSpec
from ml.stage_evaluation import Groups, Names

_METRIC = "f1_macro"
"""What settings are compared by: it is low where a stage is found seldom, and where it is named too often."""


class TooFewOfStage(ValueError):  # noqa: N818 - says what is wrong
    """A table holds too few examples of a stage to learn it; the message counts them."""


@dataclass(frozen=True)
class Namer:
    """What names `stages`, which are in their order, of the rows of a table."""

    stages: tuple[str, ...]
    encoding: Encoding
    booster: xgb.Booster

    def score(self, columns: Columns) -> NDArray[np.float32]:
        """What speaks for each stage, shape (rows, stages), each row summing to 1.

        Stages count alike in training, so that a score is no probability: of one seldom seen it is far too high.
        """
        scores: NDArray[np.float32] = self.booster.inplace_predict(self.encoding.transform(columns))
        return scores

    def name(self, columns: Columns) -> Names:
        """The stage that most speaks for, of each row."""
        named: Names = np.array(self.stages, dtype=object)[self.score(columns).argmax(axis=1)]
        return named


@dataclass(frozen=True)
class FittedStages(Generic[F]):
    """A model of the stages that one definition knows; `counts` are its training rows of each."""

    spec: StageSpec
    definition: str
    counts: Mapping[str, int]
    features: tuple[F, ...]
    namer: Namer
    params: Mapping[str, Any]

    def importance(self) -> dict[str, float]:
        """Each feature's share in what the model uses, the largest first; levels of a text count together."""
        return families.importance_by_feature(self.namer.booster, self.namer.encoding)


def fit(spec: StageSpec, definition: str, frame: pd.DataFrame, features: Sequence[F]) -> FittedStages[F]:
    """The best of the spec's settings on `frame`, which holds training rows only. Same seed, same model.

    Settings are compared on `most_rows` rows at most; the best one learns from all.

    Raises:
        TooFewOfStage: there are fewer examples of a stage than the spec asks for.
        DatasetError: there are no features, a column is absent, or a label is no stage.
    """
    stages = stages_of(spec, definition, frame, features)
    kept, _ = split_by_missing(features, frame, 1.0)
    if not kept:
        raise DatasetError(f"{spec.name} has 0 features of which anything is known.")
    encoding = Encoding.fit(kept, frame)
    matrix, codes = encoding.transform(frame), codes_of(frame[definition], stages)
    place = sampled(spec, frame)
    params = _best_params(spec, frame.iloc[place], matrix[place], codes[place])
    estimator = families.build(spec.candidate.family, spec.seed, n_jobs=1).set_params(**params)
    booster = estimator.fit(matrix, codes, sample_weight=_alike(codes)).get_booster()
    # as of a bundle's booster: on busy cores the threads of one wait for each other
    booster.set_param({"nthread": 1})
    counts = {stage: int((codes == code).sum()) for code, stage in enumerate(stages)}
    return FittedStages(spec, definition, counts, kept, Namer(stages, encoding, booster), params)


def unseen(spec: StageSpec, definition: str, frame: pd.DataFrame, features: Sequence[F]) -> Names:
    """The stage of each row as named by a model that knows nothing of its user, not even by the choice of settings."""
    stages = stages_of(spec, definition, frame, features)
    codes = codes_of(frame[definition], stages)
    named = np.empty(len(frame), dtype=object)
    # the least is asked of all rows, not of those of a fold
    inner = replace(spec, min_rows=1, folds=1)
    for learnt, judged in folds_of(spec, frame, codes):
        named[judged] = fit(inner, definition, frame.iloc[learnt], features).namer.name(frame.iloc[judged])
    return named


def sampled(spec: StageSpec, frame: pd.DataFrame) -> NDArray[np.intp]:
    """The places of the rows of users drawn at random, `most_rows` at most, in the order in which they stand."""
    group = groups_of(spec, frame)
    order = np.random.default_rng(spec.seed).permutation(group.max() + 1)
    reached = np.bincount(group)[order].cumsum()
    return np.flatnonzero(np.isin(group, order[reached <= spec.most_rows]))


def groups_of(spec: StageSpec, frame: pd.DataFrame) -> Groups:
    """A number for each row, the same for rows of one user."""
    return np.arange(len(frame)) if spec.group is None else pd.factorize(frame[spec.group])[0]


def stages_of(spec: StageSpec, definition: str, frame: pd.DataFrame, features: Sequence[F]) -> tuple[str, ...]:
    """The stages that a definition knows; refuses rows that can't be learnt from."""
    needed = [definition, spec.answer, *(feature.name for feature in features), *([spec.group] if spec.group else [])]
    absent = [name for name in needed if name not in frame.columns]
    if absent or not features:
        raise DatasetError(f"{spec.name} reads {len(features)} features and needs columns {absent}, which are absent.")
    strange = sorted({str(value) for value in frame[definition]} - set(spec.stages))
    if strange:
        raise DatasetError(f"{definition} holds {strange}; a stage of {spec.name} is one of {list(spec.stages)}.")
    rows = frame.groupby(definition).size()
    users = frame.groupby(definition)[spec.group].nunique() if spec.group else rows
    least = spec.folds * spec.inner_folds
    few = rows[(rows < spec.min_rows) | (users < least)]
    if len(few) or len(rows) < 3:
        counts = few if len(few) else rows
        told = ", ".join(f"{count} rows of {stage} ({users[str(stage)]} users)" for stage, count in counts.items())
        raise TooFewOfStage(
            f"{spec.name} has {told or '0 rows'} by {definition} among {len(frame)}; at least {spec.min_rows} of each "
            f"from {least} users are needed, and three stages."
        )
    return tuple(stage for stage in spec.stages if stage in rows.index)


def codes_of(names: "pd.Series[Any]", stages: Sequence[str]) -> Codes:
    """Each stage's place among `stages`."""
    return np.asarray(pd.Categorical(names, categories=list(stages)).codes, dtype=np.intp)


def _best_params(spec: StageSpec, frame: pd.DataFrame, matrix: NDArray[np.float32], codes: Codes) -> Mapping[str, Any]:
    grid = {name: list(values) for name, values in spec.candidate.grid.items()}
    folds = folds_of(replace(spec, folds=spec.inner_folds), frame, codes)
    estimator = families.build(spec.candidate.family, spec.seed, n_jobs=1)
    found = GridSearchCV(estimator, grid, scoring=_METRIC, cv=folds, refit=False, error_score="raise")
    params: Mapping[str, Any] = found.fit(matrix, codes, sample_weight=_alike(codes)).best_params_
    return params


def _alike(codes: Codes) -> NDArray[np.float64]:
    """Weights under which each stage counts alike: else the commonest would be named throughout."""
    weights = (1 / np.bincount(codes))[codes]
    return np.asarray(weights / weights.mean(), dtype=np.float64)
