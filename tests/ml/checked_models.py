"""Models as the checks see them that all must pass, and the shop that stages are learnt from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.contract import Column
from ml import bundle, segment_bundle, segments, stage_bundle, stages, training
from ml.bundle import BundleFeature, PlainHeader
from ml.segments import Segments
from ml.specs import BUYER_STAGE, USER_SEGMENTS
from ml.stages import FittedStages
from tests.ml.conftest import FEATURES, HEADER, SPECS, build_shop, first_settings, fit_to_shop

Answers = NDArray[np.floating] | NDArray[np.intp]
Score = Callable[[pd.DataFrame], Answers]

SMALL_STAGE = replace(BUYER_STAGE, candidate=first_settings(BUYER_STAGE.candidate))
STAGE_HEADER = PlainHeader("shop", "shop_v1", "c0ffee", "2026-01-01", "2026-01-20")
SMALL_SEGMENTS = replace(USER_SEGMENTS, sizes=(3, 4), initialisations=3, resamples=3)
# the shop's features, of which a number says something to a marketer
SEGMENT_COLUMNS = (
    Column("pages", "float64", "", True, theme="engagement"),
    Column("minutes", "float64", "", True, theme="recency"),
    Column("is_new", "bool", "", True, theme="loyalty"),
    Column("device", "string", "", True),
)
RIGHT, EASY = BUYER_STAGE.definitions


@dataclass(frozen=True)
class Checked:
    """A model, `learnt` once from its `shop`, and what can be done with it.

    `chosen` is what learning settles beside the scores; `are_answers` tells scores that the model may give from others;
    `few` leaves too little to learn from, and `refusal` says so.
    """

    shop: Callable[..., pd.DataFrame]
    learnt: Any
    learn: Callable[[pd.DataFrame], Any]
    score: Callable[[Any], Score]
    chosen: Callable[[Any], Any]
    restore: Callable[[pd.DataFrame, Path], Score]
    are_answers: Callable[[Answers], bool]
    few: Callable[[pd.DataFrame], pd.DataFrame]
    refusal: tuple[type[ValueError], str]


def checked(name: str) -> Checked:
    """A yes-or-no model of SPECS, the model of stages, or segments."""
    others = {BUYER_STAGE.name: _stages, USER_SEGMENTS.name: _segments}
    return others[name]() if name in others else _yes_or_no(name)


def build_stage_shop(rows: int = 600, seed: int = 1) -> pd.DataFrame:
    """Visitors with a stage by each definition; three in ten say which, and mean the first. The second is easier."""
    shop = build_shop("converts", rows, seed)
    rng = np.random.default_rng(seed)
    strays = rng.integers(-1, 2, rows) * (rng.random(rows) < 0.5)
    right, easy = (_stage(steps) for steps in (shop["pages"] // 2 + strays, (shop["pages"] + 1) // 3))
    shop[RIGHT], shop[EASY] = right, easy
    shop[BUYER_STAGE.answer] = shop[RIGHT].mask(rng.random(rows) >= 0.3)
    return shop


def _stage(steps: "pd.Series[Any]") -> NDArray[np.object_]:
    named: NDArray[np.object_] = np.array(BUYER_STAGE.stages, dtype=object)[steps.clip(0, 2).astype(int)]
    return named


@cache
def fit_stages_to_shop() -> FittedStages[BundleFeature]:
    return stages.fit(SMALL_STAGE, RIGHT, build_stage_shop(), FEATURES)


@cache
def find_segments_in_shop() -> Segments:
    return _find_segments(build_shop("converts"))


def _find_segments(table: pd.DataFrame) -> Segments:
    return segments.fit(SMALL_SEGMENTS, table, SEGMENT_COLUMNS, "2026-01-20")[0]


def _are_probabilities(answers: Answers) -> bool:
    return bool(np.all((answers > 0) & (answers < 1)))


def _yes_or_no(name: str) -> Checked:
    spec, fitted = SPECS[name], fit_to_shop(name)

    def restore(table: pd.DataFrame, folder: Path) -> Score:
        digest = bundle.write(training.bundle_of(fitted, HEADER), folder, training.golden_rows(fitted, table))
        return bundle.read(folder, digest).score

    return Checked(
        shop=partial(build_shop, spec.label),
        learnt=fitted,
        learn=lambda table: training.fit(spec, table, FEATURES),
        score=lambda model: model.score,
        chosen=lambda model: model.threshold,
        restore=restore,
        are_answers=_are_probabilities,
        few=lambda table: table.assign(**{spec.label: np.arange(len(table)) < 49}),
        refusal=(training.TooFewPositives, f"49 positive rows of {spec.label} among 600; at least 50"),
    )


def _stages() -> Checked:
    fitted = fit_stages_to_shop()

    def restore(table: pd.DataFrame, folder: Path) -> Score:
        stored = stage_bundle.StageBundle(STAGE_HEADER, fitted.definition, fitted.namer)
        digest = stage_bundle.write(stored, folder, training.golden_rows(fitted, table))
        return stage_bundle.read(folder, digest).namer.score

    def few(table: pd.DataFrame) -> pd.DataFrame:
        number = np.arange(len(table))
        return table.assign(**{RIGHT: np.where(number < 49, "owner", np.where(number % 2, "dreamer", "browser"))})

    return Checked(
        shop=build_stage_shop,
        learnt=fitted,
        learn=lambda table: stages.fit(SMALL_STAGE, RIGHT, table, FEATURES),
        score=lambda model: model.namer.score,
        chosen=lambda model: model.params,
        restore=restore,
        are_answers=_are_probabilities,
        few=few,
        refusal=(stages.TooFewOfStage, rf"49 rows of owner .* by {RIGHT} among 600; at least 50 of each"),
    )


def _segments() -> Checked:
    found = find_segments_in_shop()

    def restore(_: pd.DataFrame, folder: Path) -> Score:
        return segment_bundle.read(folder, segment_bundle.write(found, STAGE_HEADER, folder)).groups

    return Checked(
        shop=partial(build_shop, "converts"),
        learnt=found,
        learn=_find_segments,
        score=lambda model: model.groups,
        chosen=lambda model: model.identities,
        restore=restore,
        are_answers=lambda answers: set(answers.tolist()) <= set(range(len(found.identities))),
        few=lambda table: table.head(SMALL_SEGMENTS.min_users - 1),
        refusal=(
            segments.TooFewUsers,
            f"has {SMALL_SEGMENTS.min_users - 1} users; at least {SMALL_SEGMENTS.min_users}",
        ),
    )
