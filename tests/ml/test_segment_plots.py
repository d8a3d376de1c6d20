from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ml import segments
from ml.segment_plots import draw_segments
from tests.ml.segment_users import COLUMNS, DAY, SPEC, users


def is_picture(file: Path) -> bool:
    pixels = imread(file)
    return pixels.shape[0] > 400 and pixels.shape[1] > 600 and float(np.ptp(pixels)) > 0.5


@pytest.mark.parametrize("columns", [1, 5])
def test_segments_are_drawn_even_along_one_feature(columns: int, tmp_path: Path) -> None:
    frame, features = users(), COLUMNS[:columns]
    found, report = segments.fit(SPEC, frame, features, DAY)
    files = draw_segments(found, report, frame, features, tmp_path)
    assert [file.name for file in files] == ["choice.png", "silhouette.png", "map.png", "pairs.png"]
    assert all(is_picture(file) for file in files)
