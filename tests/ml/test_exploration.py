from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.bundle import BundleFeature
from ml.exploration import MANY_LEVELS, Exploration, draw_exploration, explore
from ml.training import Fitted
from tests.ml.test_plots import is_picture

TOWNS = ("Warsaw", "Berlin", "Madrid", "Paris", "Rome")
TOWN = BundleFeature("town", "shop", "session", "string", 1.0, None, place="city")
LAND = BundleFeature("land", "shop", "session", "string", 1.0, None, place="country")


@pytest.fixture(scope="module")
def exploration(popup_model: Fitted[BundleFeature], shop: Callable[..., pd.DataFrame]) -> Exploration:
    """Whoever converts is in Rome; towns are spread evenly over the others."""
    table = shop("converts")
    towns = np.array(TOWNS)[np.arange(len(table)) % len(TOWNS)]
    table["town"] = np.where(table["converts"], "Rome", towns)
    table["land"] = np.array(["Poland", "Spain"])[np.arange(len(table)) % 2]
    return explore(popup_model, [*popup_model.features, TOWN, LAND], table)


def test_the_level_that_tells_of_the_label_is_found_among_many(exploration: Exploration) -> None:
    assert len(TOWNS) == MANY_LEVELS
    assert next(iter(exploration.levels["town"])) == "Rome"
    assert set(exploration.levels["town"]) == set(TOWNS)
    assert sum(exploration.levels["town"].values()) == pytest.approx(1)


def test_a_text_of_few_levels_gets_no_forest(exploration: Exploration) -> None:
    assert set(exploration.levels) == {"town"}


def test_the_axes_hold_the_whole_variance_in_falling_order(
    exploration: Exploration, popup_model: Fitted[BundleFeature]
) -> None:
    assert exploration.explained.sum() == pytest.approx(1)
    assert (np.diff(exploration.explained) <= 0).all()
    assert len(exploration.explained) == len(popup_model.encoding.names)


def test_levels_and_scree_are_drawn(exploration: Exploration, tmp_path: Path) -> None:
    files = draw_exploration(exploration, tmp_path)
    assert [file.name for file in files] == ["levels_town.png", "scree.png"]
    assert all(is_picture(file) for file in files)
