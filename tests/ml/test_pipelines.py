from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer
from skops.io.exceptions import UntrustedTypesFoundException

from ml import pipelines


def test_m07_a_file_with_a_type_outside_the_fixed_list_is_refused(tmp_path: Path) -> None:
    pipelines.dump(FunctionTransformer(partial(np.clip, a_min=0)), tmp_path / "model.skops")
    with pytest.raises(UntrustedTypesFoundException):
        pipelines.load((tmp_path / "model.skops").read_bytes())


def test_log_odds_are_finite_even_for_certainties() -> None:
    odds = pipelines.log_odds(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(odds).all()
    assert odds[1] == 0
    assert odds[0] == pytest.approx(-odds[2])


def test_a_pipeline_answers_in_margins_only() -> None:
    with pytest.raises(ValueError, match="'value'"):
        pipelines.PipelineBooster(FunctionTransformer()).inplace_predict(
            np.zeros((1, 1), np.float32), predict_type="value"
        )
