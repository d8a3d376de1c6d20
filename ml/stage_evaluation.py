"""How well stages are named: precision and recall by stage, and agreement with what users say, with 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.intervals import UNDEFINED, Interval, bounds, interval_of, resampled

Names = NDArray[np.object_]
Counts = NDArray[np.int64]
Groups = NDArray[np.intp]


@dataclass(frozen=True)
class StageFigures:
    """Stages named by a model against those that came true; `confusion` counts rows by true and by named stage.

    A macro average is over the stages that came true, each counting alike, its precision 0 where it was never named; in
    that of precision, a stage counts that was named and never came true.
    """

    stages: tuple[str, ...]
    confusion: Counts
    precision: Mapping[str, Interval]
    recall: Mapping[str, Interval]
    macro_precision: Interval
    macro_recall: Interval

    @property
    def rows(self) -> int:
        return int(self.confusion.sum())

    @property
    def rows_of(self) -> dict[str, int]:
        """How many rows are truly of each stage."""
        return dict(zip(self.stages, self.confusion.sum(axis=1).tolist(), strict=True))

    @property
    def chance(self) -> float:
        """The macro recall of always naming one of the stages that came true."""
        return 1 / int((self.confusion.sum(axis=1) > 0).sum())

    @property
    def ease(self) -> float:
        """Macro recall above chance, 1 at best: comparable between different numbers of stages."""
        return (self.macro_recall.value - self.chance) / (1 - self.chance)

    @property
    def cannot_tell(self) -> bool:
        """True where it is not shown that more is told apart than by always naming the commonest stage."""
        return not self.macro_recall.low > self.chance

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name, its bounds as `<name>_low` and `<name>_high`."""
        intervals = {"macro_precision": self.macro_precision, "macro_recall": self.macro_recall}
        for stage in self.stages:
            intervals |= {f"precision_{stage}": self.precision[stage], f"recall_{stage}": self.recall[stage]}
        rows = {f"rows_{stage}": int(count) for stage, count in self.rows_of.items()}
        return {"rows": int(self.rows), **rows, **bounds(intervals)}


@dataclass(frozen=True)
class Agreement:
    """How often stages are those that users named when asked: the `share`, and Cohen's `kappa`, 0 by chance."""

    answers: int
    share: Interval
    kappa: Interval


def stage_figures(truth: Names, named: Names, stages: Sequence[str], groups: Groups, seed: int = 7) -> StageFigures:
    """The figures of rows whose true stages are among `stages`; intervals resample whole groups, not rows."""
    cells = _cells(truth, named, stages)
    confusion = _confusion(cells, len(stages))
    drawn = np.array([_rates(_confusion(cells[rows], len(stages))) for rows in resampled(groups, seed)])
    value = _rates(confusion)
    # first all precisions, then all recalls
    rates = [interval_of(float(value[place]), drawn[:, place]) for place in range(len(value))]
    count = len(stages)
    macro = [interval_of(float(figure), sampled) for figure, sampled in zip(_macro(value), _macro(drawn), strict=True)]
    return StageFigures(
        stages=tuple(stages),
        confusion=confusion,
        precision=dict(zip(stages, rates[:count], strict=True)),
        recall=dict(zip(stages, rates[count:], strict=True)),
        macro_precision=macro[0],
        macro_recall=macro[1],
    )


def macro_recall(truth: Names, named: Names, stages: Sequence[str]) -> float:
    """The mean share of rows found, over the stages that came true."""
    _, recall = _macro(_rates(_confusion(_cells(truth, named, stages), len(stages))))
    return float(recall)


def agreement(answers: Names, named: Names, stages: Sequence[str], groups: Groups, seed: int = 7) -> Agreement:
    """How `named` agrees with the answers of users, one a row."""
    cells, size = _cells(answers, named, stages), len(stages)
    return Agreement(
        answers=len(answers),
        share=_over_samples(lambda rows: _share(_confusion(cells[rows], size)), groups, seed),
        kappa=_over_samples(lambda rows: _kappa(_confusion(cells[rows], size)), groups, seed),
    )


def kappa_lead(
    answers: Names, rivals: tuple[Names, Names], stages: Sequence[str], groups: Groups, seed: int = 7
) -> Interval:
    """By how much the first rival agrees better with the answers than the other, in Cohen's kappa on the same users."""
    cells = [_cells(answers, named, stages) for named in rivals]

    def lead(rows: NDArray[np.intp]) -> float:
        one, other = (_kappa(_confusion(both[rows], len(stages))) for both in cells)
        return one - other

    return _over_samples(lead, groups, seed)


def _over_samples(figure: Callable[[NDArray[np.intp]], float], groups: Groups, seed: int) -> Interval:
    if not len(groups):
        return UNDEFINED
    drawn = np.array([figure(rows) for rows in resampled(groups, seed)])
    return interval_of(figure(np.arange(len(groups))), drawn)


def _cells(truth: Names, named: Names, stages: Sequence[str]) -> NDArray[np.int64]:
    """Each row's place in the table of true by named stages, whose rows lie one after the other."""
    place = {stage: code for code, stage in enumerate(stages)}
    codes = [[place[stage] for stage in names] for names in (truth, named)]
    return np.array(codes[0], dtype=np.int64) * len(stages) + np.array(codes[1], dtype=np.int64)


def _confusion(cells: NDArray[np.int64], size: int) -> Counts:
    return np.bincount(cells, minlength=size**2).reshape(size, size).astype(np.int64)


def _rates(confusion: Counts) -> NDArray[np.float64]:
    """The precision of each stage, then the recall of each; NaN where nothing was named or true."""
    right = np.diag(confusion).astype(np.float64)
    of = np.concatenate([confusion.sum(axis=0), confusion.sum(axis=1)]).astype(np.float64)
    rates: NDArray[np.float64] = np.divide(np.tile(right, 2), of, out=np.full(len(of), np.nan), where=of > 0)
    return rates


def _macro(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Macro precision and macro recall of rates, which lie along the last axis."""
    precision, recall = np.split(rates, 2, axis=-1)
    # a stage that came true and was never named has missed; one that did neither has no say
    precision = np.where(np.isnan(precision) & np.isfinite(recall), 0.0, precision)
    means: NDArray[np.float64] = np.nanmean(np.stack([precision, recall]), axis=-1)
    return means


def _share(confusion: Counts) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _kappa(confusion: Counts) -> float:
    """Agreement above chance (Cohen, 1960); NaN where both name one and the same stage throughout."""
    total = int(confusion.sum())
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1)) / total**2
    return (_share(confusion) - chance) / (1 - chance) if chance < 1 else float("nan")
