"""The trees of an XGBoost booster as an ONNX model, held to the booster on rows where trees are easily misread.

Converters of others bring as many packages again; what XGBoost writes and what ONNX reads are the same lists.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.encoding import Matrix
from ml.onnx_booster import MARGIN, MATRIX, SCORE, session_of
from ml.pipelines import log_odds

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from ml.bundle import Calibration

ONNX_FILE = "model.onnx"
COLUMNS = "columns"
"""The metadata of an ONNX model that lists the columns of its matrix, as JSON."""

PARITY = 1e-5
"""The most by which a score of the ONNX model may differ from the booster's; sums of float32 in another order do."""

PROBE_ROWS = 1_000

# what runtimes of 2023 read
_OPSET, _TREES_OPSET, _IR_VERSION = 18, 3, 8

log = logging.getLogger(__name__)


def export(
    booster: object, columns: Sequence[str], folder: Path, calibration: "Calibration | None" = None
) -> tuple[str, ...]:
    """Write the ONNX model of what has trees into a bundle's folder; returns the names of what was written.

    Where its scores aren't the booster's, nothing is: a version that is good is worth more than its copy elsewhere.
    Nor is anything of trees that are weighted, as dart's are, which ONNX's operator doesn't know.
    """
    if not isinstance(booster, xgb.Booster) or booster.num_boosted_rounds() == 0:
        return ()
    if (kind := _learner(booster)["gradient_booster"]["name"]) != "gbtree":
        log.warning("No %s was written: the booster is %s; gbtree can be converted.", ONNX_FILE, kind)
        return ()
    content = convert(booster, columns, calibration)
    off = difference(booster, content, calibration)
    if not off <= PARITY:
        log.warning("No %s was written: it scores %g away from its booster; %g is allowed.", ONNX_FILE, off, PARITY)
        return ()
    (folder / ONNX_FILE).write_bytes(content)
    return (ONNX_FILE,)


def convert(booster: xgb.Booster, columns: Sequence[str], calibration: "Calibration | None" = None) -> bytes:
    """An ONNX model of a booster that reads `columns`.

    It takes `matrix`, float32 of shape (rows, columns) with NaN for what is missing, and gives `margin` and `score`,
    both (rows, 1), or (rows, classes) of many. Scores are calibrated probabilities; of many classes, their softmax.
    """
    from onnx import TensorProto, helper

    learner = _learner(booster)
    base = _base_margins(learner)
    nodes = _nodes(learner)
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        [MATRIX],
        [MARGIN],
        domain="ai.onnx.ml",
        n_targets=len(base),
        base_values=base.tolist(),
        **{name: values.tolist() for name, values in nodes.items()},
    )
    scoring, constants, score_type = _scoring(calibration)
    graph = helper.make_graph(
        [trees, *scoring],
        "trees",
        [helper.make_tensor_value_info(MATRIX, TensorProto.FLOAT, ["rows", len(columns)])],
        [
            helper.make_tensor_value_info(MARGIN, TensorProto.FLOAT, ["rows", len(base)]),
            helper.make_tensor_value_info(SCORE, score_type, ["rows", len(base)]),
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _TREES_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="tactful")
    helper.set_model_props(model, {COLUMNS: json.dumps(list(columns))})
    return bytes(model.SerializeToString())


def difference(booster: xgb.Booster, content: bytes, calibration: "Calibration | None" = None) -> float:
    """By how much the scores of a booster's ONNX model differ from its own at most, on `probe_rows`."""
    rows = probe_rows(booster)
    scores = session_of(content).run([SCORE], {MATRIX: rows})[0]
    if calibration is None:
        expected = booster.inplace_predict(rows)
    else:
        expected = calibration.probability(booster.inplace_predict(rows, predict_type="margin"))
    return float(np.max(np.abs(scores.reshape(expected.shape) - expected)))


def probe_rows(booster: xgb.Booster) -> Matrix:
    """Rows of the values at which the trees split, the floats on either side of each, and missing ones."""
    nodes = _nodes(_learner(booster))
    is_split = nodes["nodes_modes"] != "LEAF"
    read, split_at = nodes["nodes_featureids"][is_split], nodes["nodes_values"][is_split].astype(np.float32)
    rng = np.random.default_rng(PROBE_ROWS)
    rows = np.full((PROBE_ROWS, booster.num_features()), np.nan, dtype=np.float32)
    for column in range(rows.shape[1]):
        at = np.append(split_at[read == column], np.float32(0))
        near = np.concatenate([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))])
        is_known = rng.random(PROBE_ROWS) < 0.8
        rows[is_known, column] = rng.choice(near, int(is_known.sum()))
    return rows


def _learner(booster: xgb.Booster) -> Any:
    return json.loads(bytes(booster.save_raw("json")))["learner"]


def _base_margins(learner: Mapping[str, Any]) -> NDArray[np.float64]:
    """What each class begins with, before any tree."""
    # a number before XGBoost 3.1, a list since
    stated = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float64))
    if learner["objective"]["name"] == "binary:logistic":
        return log_odds(stated)
    return np.broadcast_to(stated, max(1, int(learner["learner_model_param"]["num_class"])))


def _nodes(learner: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The nodes of all trees as the attributes of ONNX's operator; of leaves the attributes `target_...` tell."""
    model = learner["gradient_booster"]["model"]
    trees = model["trees"]
    sizes = [len(tree["left_children"]) for tree in trees]

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([np.asarray(tree[name]) for tree in trees])

    tree_of, place = np.repeat(np.arange(len(trees)), sizes), np.concatenate([np.arange(size) for size in sizes])
    left, value = joined("left_children"), joined("split_conditions")
    is_leaf = left < 0
    return {
        "nodes_treeids": tree_of,
        "nodes_nodeids": place,
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LT"),
        "nodes_featureids": np.where(is_leaf, 0, joined("split_indices")),
        "nodes_values": np.where(is_leaf, 0.0, value),
        "nodes_truenodeids": np.where(is_leaf, 0, left),
        "nodes_falsenodeids": np.where(is_leaf, 0, joined("right_children")),
        "nodes_missing_value_tracks_true": np.where(is_leaf, 0, joined("default_left")).astype(np.int64),
        "target_treeids": tree_of[is_leaf],
        "target_nodeids": place[is_leaf],
        "target_ids": np.asarray(model["tree_info"])[tree_of[is_leaf]],
        "target_weights": value[is_leaf],
    }


def _scoring(calibration: "Calibration | None") -> tuple[list["NodeProto"], list["TensorProto"], int]:
    """The nodes from margins to scores, their constants, and the type of a score."""
    from onnx import TensorProto, helper

    if calibration is None:
        return [helper.make_node("Softmax", [MARGIN], [SCORE], axis=1)], [], TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", [MARGIN], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["wide", "slope"], ["sloped"]),
        helper.make_node("Add", ["sloped", "intercept"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], [SCORE]),
    ]
    constants = {"slope": calibration.slope, "intercept": calibration.intercept}
    made = [helper.make_tensor(name, TensorProto.DOUBLE, [], [value]) for name, value in constants.items()]
    return nodes, made, TensorProto.DOUBLE
