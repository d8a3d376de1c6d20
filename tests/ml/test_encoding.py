import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import Column
from ml.encoding import Encoding

PAGES = Column("pages", "int64", "", True)
DEVICE = Column("device", "string", "", True)


def test_levels_are_learnt_if_frequent_and_get_a_column_each() -> None:
    encoding = Encoding.fit([PAGES, DEVICE], {"pages": [1] * 6, "device": ["b", "b", "a", "a", "c", None]}, 2)
    assert encoding.names == ("pages", "device=a", "device=b")
    matrix = encoding.transform({"pages": [7, None], "device": ["b", "c"]})
    np.testing.assert_array_equal(matrix, np.array([[7, 0, 1], [np.nan, 0, 0]], dtype=np.float32))


@pytest.mark.parametrize("null", [None, float("nan"), pd.NA, pd.NaT, np.float64("nan")])
def test_every_kind_of_null_is_nan(null: object) -> None:
    matrix = Encoding({"pages": None}).transform({"pages": [null, 2]})
    assert math.isnan(matrix[0, 0])
    assert matrix[1, 0] == 2


@pytest.mark.parametrize(
    "values",
    [
        [True, False],
        np.array([1, 0]),
        pd.Series([1, 0], dtype="Int64"),
        pd.Series([True, False], dtype=object),
    ],
)
def test_numbers_and_truth_values_are_read_alike_from_whatever_holds_them(values: object) -> None:
    matrix = Encoding({"pages": None}).transform({"pages": values})
    np.testing.assert_array_equal(matrix, [[1.0], [0.0]])


def test_an_absent_feature_is_never_read_as_null() -> None:
    with pytest.raises(KeyError, match="pages"):
        Encoding({"pages": None}).transform({"visits": [1]})


@given(
    st.lists(
        st.none() | st.floats(allow_nan=False, width=32) | st.integers(-(2**53), 2**53) | st.booleans(), min_size=1
    )
)
def test_a_row_is_read_alike_alone_and_among_others(values: list[Any]) -> None:
    encoding = Encoding({"pages": None})
    alone = np.vstack([encoding.transform({"pages": [value]}) for value in values])
    np.testing.assert_array_equal(encoding.transform({"pages": values}), alone)
