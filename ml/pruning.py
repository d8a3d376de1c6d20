"""Leaving out what counts for little: the ablation of a fitted model's least important features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml import training
from ml.datasets import F
from ml.specs import Candidate, ModelSpec
from ml.training import Fitted

# of a spec, its training rows and features
Learn = Callable[..., Fitted[Any]]


@dataclass(frozen=True)
class Ablation:
    """A model without its least important features beside the same model with all of them, on the same folds.

    `dropped` are those features with their importance; `full` and `pruned` are the means of `metric` over the folds,
    and `standard_error` is that of their mean difference, fold by fold. Importance is that of all training rows, so
    that the comparison flatters the pruned model a little.
    """

    metric: str
    least_importance: float
    dropped: Mapping[str, float]
    full: float
    pruned: float
    standard_error: float

    @property
    def is_pruned(self) -> bool:
        """True where the model is none the worse without them, as far as the folds can tell."""
        return self.pruned >= self.full - self.standard_error

    def as_metadata(self) -> dict[str, float]:
        """Every figure by name."""
        return {
            "pruning_dropped": len(self.dropped),
            "pruning_full": self.full,
            "pruning_pruned": self.pruned,
            "is_pruned": float(self.is_pruned),
        }

    def __str__(self) -> str:
        named = ", ".join(f"`{name}` {share:.1%}" for name, share in self.dropped.items())
        outcome = "they are left out" if self.is_pruned else "they stay"
        return (
            f"{len(self.dropped)} features count for less than {self.least_importance:.0%} each ({named}). "
            f"Without them {self.metric} is {self.pruned:.3f}, with all {self.full:.3f}, on the same "
            f"folds, with a standard error of {self.standard_error:.3f} in the difference: {outcome}."
        )


def prune(fitted: Fitted[F], frame: pd.DataFrame, learn: Learn = training.fit) -> tuple[Fitted[F], Ablation | None]:
    """The model learnt again from `frame`, its training rows, without what counts for less than its spec asks for.

    It is the model as it was where it would be the worse for it; there is no ablation where all features count. `learn`
    is what it was learnt by.
    """
    spec = fitted.spec
    importance = fitted.importance_by_source()
    kept = {name for name, share in importance.items() if share >= spec.least_importance}
    # a city is told by its country
    kept |= {name for source, recoding in fitted.encoding.recoded.items() if source in kept for name in recoding.reads}
    features = [feature for feature in fitted.features if feature.name in kept]
    if not features or len(features) == len(fitted.features):
        return fitted, None
    pruned = learn(_as_chosen(fitted), frame, features)
    best = fitted.trials[0]
    ablation = Ablation(
        metric=spec.metric,
        least_importance=spec.least_importance,
        dropped={name: share for name, share in importance.items() if name not in kept},
        full=best.mean,
        pruned=pruned.trials[0].mean,
        standard_error=_standard_error(np.subtract(pruned.trials[0].scores, best.scores)),
    )
    if not ablation.is_pruned:
        return fitted, ablation
    return replace(pruned, spec=spec, trials=fitted.trials, left_out=fitted.left_out), ablation


def _standard_error(differences: NDArray[np.float64]) -> float:
    return float(differences.std(ddof=1) / np.sqrt(len(differences)))


def _as_chosen(fitted: Fitted[F]) -> ModelSpec:
    """The spec with the settings that were chosen as its only ones."""
    best = fitted.trials[0]
    chosen = Candidate(best.candidate.family, {name: (value,) for name, value in best.params.items()})
    return replace(fitted.spec, candidates=(chosen,))
