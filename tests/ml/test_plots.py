from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.image import imread

from ml import plots
from ml.bundle import BundleFeature
from ml.evaluation import curves, target_of
from ml.explanation import BASE, contributions
from ml.training import Fitted


def is_picture(file: Path) -> bool:
    pixels = imread(file)
    return pixels.shape[0] > 400 and pixels.shape[1] > 600 and float(np.ptp(pixels)) > 0.5


def test_each_picture_of_a_model_is_drawn(
    popup_model: Fitted[BundleFeature], shop: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    table = shop("converts", seed=2)
    drawn = curves(target_of(table, "converts"), popup_model.score(table))
    files = plots.draw_model(drawn, popup_model.importance(), tmp_path)
    names = [file.name for file in files]
    assert names == ["roc.png", "precision_recall.png", "calibration.png", "lift.png", "importance.png"]
    assert all(is_picture(file) for file in files)


def test_what_pushes_scores_is_drawn_for_numbers_and_texts(
    popup_model: Fitted[BundleFeature], shop: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    table = shop("converts", seed=2)
    found = contributions(popup_model, table)
    assert found is not None
    assert is_picture(plots.draw_contributions(found.drop(columns=BASE), table, tmp_path))
