"""The ONNX model of a booster says what the booster says."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ml import onnx_trees
from ml.bundle import Calibration
from ml.encoding import Matrix
from ml.onnx_booster import MARGIN, MATRIX, SCORE, OnnxBooster, session_of
from ml.onnx_trees import PARITY, convert, difference, export, probe_rows
from tests.ml.checked_models import fit_stages_to_shop
from tests.ml.conftest import fit_to_shop

STEEP = Calibration(1.3, -0.7)
STARTED = """
from pathlib import Path
import sys
from ml.onnx_booster import OnnxBooster
import numpy as np
OnnxBooster(Path(sys.argv[1]).read_bytes()).inplace_predict(np.zeros((2, 3), dtype=np.float32))
"""


def grown(objective: str = "binary:logistic", rounds: int = 60, **params: Any) -> xgb.Booster:
    """Deep trees of three columns, of which a fifth is missing."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(800, 3)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    label = np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=len(matrix)) > 0.5
    params = {"objective": objective, "max_depth": 6, "nthread": 1, **params}
    return xgb.train(params, xgb.DMatrix(matrix, label), rounds)


@cache
def booster(kind: str) -> xgb.Booster:
    learnt: dict[str, Callable[[], Any]] = {
        "deep": grown,
        "stages": lambda: fit_stages_to_shop().namer.booster,
        "xgboost": lambda: fit_to_shop("popup_profile").booster,
        "random_forest": lambda: fit_to_shop("random_forest").booster,
    }
    return learnt[kind]()


def calibration(kind: str) -> Calibration | None:
    return None if kind == "stages" else STEEP


@cache
def converted(kind: str) -> bytes:
    learnt = booster(kind)
    return convert(learnt, [f"column {place}" for place in range(learnt.num_features())], calibration(kind))


@cache
def session(kind: str) -> Any:
    return session_of(converted(kind))


def native(kind: str, matrix: Matrix) -> NDArray[np.floating]:
    scaling = calibration(kind)
    if scaling is None:
        scores: NDArray[np.float32] = booster(kind).inplace_predict(matrix)
        return scores
    return scaling.probability(booster(kind).inplace_predict(matrix, predict_type="margin"))[:, None]


@cache
def near_splits(kind: str) -> list[float]:
    values = np.unique(probe_rows(booster(kind)))
    return [float(value) for value in values if not np.isnan(value)]


@st.composite
def matrices(draw: st.DrawFn, kind: str) -> Matrix:
    """Any rows, of which many stand where the trees split, or beside it, and many are missing."""
    elements = st.sampled_from(near_splits(kind)) | st.just(np.nan) | st.floats(width=32)
    shape = (draw(st.integers(1, 9)), booster(kind).num_features())
    matrix: Matrix = draw(arrays(np.float32, shape, elements=elements, fill=st.nothing()))
    return matrix


@pytest.mark.parametrize("kind", ["deep", "xgboost", "random_forest", "stages"])
@settings(deadline=None)
@given(data=st.data())
def test_scores_are_those_of_the_booster_on_any_rows(kind: str, data: st.DataObject) -> None:
    matrix = data.draw(matrices(kind))
    (scores,) = session(kind).run([SCORE], {MATRIX: matrix})
    np.testing.assert_allclose(scores, native(kind, matrix), rtol=0, atol=PARITY)


@pytest.mark.parametrize("kind", ["deep", "xgboost", "random_forest"])
@pytest.mark.parametrize("rows", [1, 8, 57, 256, 500])
def test_a_row_is_scored_alike_alone_and_among_others(kind: str, rows: int) -> None:
    """Bit for bit, or a decision of a batch could not be replayed."""
    scored, matrix = OnnxBooster(converted(kind)).inplace_predict, probe_rows(booster(kind))
    parts = [scored(matrix[place : place + rows]) for place in range(0, len(matrix), rows)]
    assert np.concatenate(parts).tobytes() == scored(matrix).tobytes()


def test_its_score_is_its_margin_calibrated() -> None:
    margin, score = session("deep").run([MARGIN, SCORE], {MATRIX: probe_rows(booster("deep"))})
    np.testing.assert_allclose(score, STEEP.probability(margin), rtol=0, atol=1e-12)


def test_it_is_valid_and_says_what_goes_into_which_column() -> None:
    model = onnx.load_from_string(converted("deep"))
    onnx.checker.check_model(model, full_check=True)
    (columns,) = [each.value for each in model.metadata_props if each.key == onnx_trees.COLUMNS]
    assert json.loads(columns) == ["column 0", "column 1", "column 2"]


def test_only_a_margin_is_asked_of_it() -> None:
    with pytest.raises(ValueError, match="predict_type is 'value'"):
        OnnxBooster(converted("deep")).inplace_predict(np.zeros((1, 3), dtype=np.float32), "value")


def test_probe_rows_are_at_splits_beside_them_and_missing() -> None:
    learnt = xgb.train(
        {"objective": "binary:logistic", "max_depth": 1, "min_child_weight": 0},
        xgb.DMatrix(np.array([[1.0], [2.0]], dtype=np.float32), np.array([0, 1])),
        1,
    )
    (split,) = learnt.trees_to_dataframe()["Split"].dropna()
    at = np.array([0, split], dtype=np.float32)
    beside = [np.nextafter(at, np.float32(end)) for end in (-np.inf, np.inf)]
    rows = probe_rows(learnt)
    assert {*rows[~np.isnan(rows)].tolist()} == {*np.concatenate([at, *beside]).tolist()}
    assert 0.1 < np.isnan(rows).mean() < 0.3


@pytest.mark.parametrize(
    ("attribute", "misread"),
    [
        pytest.param("nodes_modes", {b"BRANCH_LT": b"BRANCH_LEQ", b"LEAF": b"LEAF"}.__getitem__, id="splits"),
        pytest.param("nodes_missing_value_tracks_true", {0: 1, 1: 0}.__getitem__, id="missing"),
        pytest.param("base_values", lambda base: base + 0.01, id="base"),
        pytest.param("target_weights", lambda weight: 1.01 * weight, id="leaves"),
    ],
)
def test_trees_that_are_misread_are_noticed(attribute: str, misread: Callable[[Any], Any]) -> None:
    model = onnx.load_from_string(converted("deep"))
    (found,) = [each for each in model.graph.node[0].attribute if each.name == attribute]
    values = found.strings or found.ints or found.floats
    values[:] = [misread(value) for value in values]

    assert difference(booster("deep"), model.SerializeToString(), STEEP) > PARITY
    assert difference(booster("deep"), converted("deep"), STEEP) <= PARITY


def test_a_booster_of_another_scale_gets_no_onnx_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its margin begins with the logarithm of what it states."""
    assert export(grown("count:poisson"), ["a", "b", "c"], tmp_path, STEEP) == ()
    assert list(tmp_path.iterdir()) == []
    (told,) = caplog.messages
    assert told.startswith("No model.onnx was written: it scores 0.")


@pytest.mark.parametrize("learnt", [pytest.param(grown(rounds=0), id="no-trees"), pytest.param(object(), id="other")])
def test_what_has_no_trees_gets_no_onnx_model(learnt: object, tmp_path: Path) -> None:
    assert export(learnt, ["a", "b", "c"], tmp_path, STEEP) == ()
    assert list(tmp_path.iterdir()) == []


def test_weighted_trees_get_no_onnx_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    matrix = np.arange(40, dtype=np.float32).reshape(20, 2)
    stated = {"objective": "binary:logistic", "booster": "dart", "nthread": 1}
    weighted = xgb.train(stated, xgb.DMatrix(matrix, np.arange(20) % 2), 2)

    assert export(weighted, ("a", "b"), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
    assert caplog.messages == ["No model.onnx was written: the booster is dart; gbtree can be converted."]


def test_who_scores_by_it_leaves_nothing_behind_for_others_to_fetch(tmp_path: Path) -> None:
    """Builds of ONNX Runtime that send telemetry keep a device's id and what is still to be sent in the home."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "model.onnx").write_bytes(converted("deep"))
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(onnx_trees.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", STARTED, str(tmp_path / "model.onnx")], env=environment, check=True)
    assert list(home.rglob("*")) == []
