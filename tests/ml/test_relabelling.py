import pandas as pd
import pytest

from ml import relabelling
from ml.relabelling import MISSING, Relabelling

BEFORE = {"organic": 0.4, "direct": 0.3, "email": 0.2, "social": 0.1}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({**BEFORE, "organic": 0.0, "search": 0.4}, id="a new name"),
        pytest.param({**BEFORE, "organic": 0.28, "search": 0.12}, id="a new name since Saturday"),
        pytest.param({"organic": 0.02, "direct": 0.27, "email": 0.23, "social": 0.1, "search": 0.38}, id="others move"),
        pytest.param({**BEFORE, "organic": 0.0, "direct": 0.7}, id="a name that was in use"),
        pytest.param({**BEFORE, "organic": 0.0, MISSING: 0.4}, id="no name"),
    ],
)
def test_what_one_name_lost_another_gained(after: dict[str, float]) -> None:
    found = relabelling.find("channel", BEFORE, after)

    assert found is not None
    assert (found.level, found.becomes) == (
        "organic",
        max(after, key=lambda level: after[level] - BEFORE.get(level, 0)),
    )


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(BEFORE, id="nothing moved"),
        pytest.param({**BEFORE, "organic": 0.3, "direct": 0.4}, id="both names stay in use"),
        pytest.param({"organic": 0.1, "direct": 0.4, "email": 0.3, "social": 0.2}, id="spread over the others"),
    ],
)
def test_other_moves_are_no_relabelling(after: dict[str, float]) -> None:
    assert relabelling.find("channel", BEFORE, after) is None


def test_of_two_names_one_always_gains_what_the_other_loses() -> None:
    assert relabelling.find("has_scrolled", {"True": 0.1, "False": 0.9}, {"True": 0.3, "False": 0.7}) is None


def test_undone_both_names_are_one_and_the_frame_is_left_as_it_was() -> None:
    frame = pd.DataFrame({"channel": ["organic", None, "direct"], "device": ["a", "b", "c"]})
    before = frame.copy()

    undone = relabelling.undo(frame, [Relabelling("channel", "organic", MISSING)])

    assert undone["channel"].tolist() == ["organic", "organic", "direct"]
    pd.testing.assert_frame_equal(frame, before)
