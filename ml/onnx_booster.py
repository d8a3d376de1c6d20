"""An ONNX model, used where a booster is expected."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml.encoding import Matrix

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MATRIX, MARGIN, SCORE = "matrix", "margin", "score"
"""The input and the outputs of a model's ONNX form."""

_SILENT = 4


class OnnxBooster:
    """A model in the ONNX format behind the call that a bundle makes of an XGBoost booster."""

    def __init__(self, content: bytes) -> None:
        self._session = session_of(content)

    def inplace_predict(self, matrix: Matrix, predict_type: str = "margin") -> NDArray[np.float32]:
        """The margin of each row.

        Raises:
            ValueError: `predict_type` is not "margin".
        """
        if predict_type != "margin":
            raise ValueError(f"predict_type is {predict_type!r}; only 'margin' is known here.")
        margin: NDArray[np.float32] = self._session.run([MARGIN], {MATRIX: matrix})[0]
        return margin[:, 0]


def session_of(content: bytes) -> "InferenceSession":
    """What scores by the ONNX model in `content`; it says nothing, and works in the thread that asks."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    # as of a bundle's booster: on busy cores threads wait for each other, and these would do so at full load
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
