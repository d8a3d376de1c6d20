from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tactful import scoreboard

RATE = {"value": 0.041, "low": 0.036, "high": 0.047}
UNDEFINED = {"value": None, "low": None, "high": None}


def _outcome(impressions: int, rate: dict[str, Any] = RATE) -> dict[str, Any]:
    return {"impressions": impressions, "conversions": 82, "conversion_rate": rate}


CHAMPION: dict[str, Any] = {
    "status": "champion",
    "reason": "It ranks better than chance.",
    "roc_auc": 0.8124,
    "roc_auc_low": 0.79,
    "roc_auc_high": 0.83,
    "positives": 82,
    "rows": 12345,
    "policies": {"always": _outcome(4000), "model": _outcome(2000), "conversions_kept": {"value": 0.91}},
}
REFUSED = {"status": "not_trained", "reason": "3 conversions in the training days; 50 are needed."}
SUMMARY: dict[str, Any] = {
    "source": {"first_day": "2026-01-05", "last_day": "2026-01-18", "is_simulated": True},
    "conversion_event": "popup_submit",
    "baseline_conversion_rate": 0.02,
    "rows": {
        "rows_read": 10_000,
        "rows_loaded": 9_900,
        "rows_duplicate": 70,
        "rows_quarantined": 30,
        "rows_suppressed": 0,
    },
    "models": {"popup_profile": REFUSED, "popup_behaviour": CHAMPION},
    "segments": {"status": "champion", "reason": "", "by_size": [{"name": "Lookers", "users": 1200, "share": 0.6}]},
    "buyer_stage": {
        "status": "not_promoted",
        "reason": "Cannot tell from always naming the commonest stage.",
        "definition": "stage_by_depth",
        "definition_reason": "Cannot tell which definition is right.",
        "warning": "The easiest definition is not the one that stands.",
        "macro_precision": 0.3,
        "macro_precision_low": 0.28,
        "macro_precision_high": 0.32,
    },
    "drift": {"verdict": "not_enough_data", "reason": "12 new rows against 40."},
    "decision": {"action": "do_not_show", "reason": "below_threshold", "score": 0.1234, "milliseconds": 4.25},
    "stages": [{"name": "warehouse", "seconds": 12.34, "peak_memory": 512 * 2**20}],
}


def _shown(*, width: int = 160, deciding: Mapping[str, str | None] | None = None, **changed: Any) -> list[str]:
    """The printed lines, each with single spaces and without rules."""
    console = Console(record=True, width=width, file=StringIO())
    scoreboard.show({**SUMMARY, **changed}, console, deciding or {})
    return [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "10,000 9,900 70 30 0 yes",
        "popup_profile not trained",
        "popup_behaviour ROC-AUC 0.812 0.790 to 0.830 82 of 12,345 champion",
        "case study 000, always 3,732 about 75 2.0%",
        "always 4,000 82 4.1% 3.6% to 4.7% 100.0%",
        "popup_behaviour 2,000 82 4.1% 3.6% to 4.7% 91.0%",
        "Lookers 1,200 60.0%",
        "warehouse 12.3 512 MB",
        "buyer_stage is not promoted. Cannot tell from always naming the commonest stage.",
        "The easiest definition is not the one that stands.",
        "Drift not enough data: 12 new rows against 40.",
        "Decision do_not_show, because below threshold (score 0.1234, 4.2 ms)",
        "Simulated shop: these figures say nothing about real visitors.",
    ],
)
def test_an_owner_is_told(line: str) -> None:
    assert line in _shown()


@pytest.mark.parametrize(
    ("status", "now", "told"),
    [
        ("champion", "2", "is champion (version 2). Sure. Let it decide."),
        ("champion", "1", "was champion (version 2) after the run; version 1 decides now. Sure. Let it decide."),
        ("champion", None, "was champion (version 2) after the run; nobody decides now. Sure. Let it decide."),
        ("not_promoted", "1", "is not promoted (version 2); version 1 decides now. Sure. Let it decide."),
    ],
)
def test_who_decides_now_is_told_beside_why_and_what_to_do(status: str, now: str | None, told: str) -> None:
    model = {**CHAMPION, "status": status, "version": "2", "reason": "Sure.", "recommendation": "Let it decide."}
    shown = _shown(models={**SUMMARY["models"], "popup_behaviour": model}, deciding={"popup_behaviour": now})

    assert f"popup_behaviour {told}" in shown
    assert ("champion no more" in " ".join(shown)) == told.startswith("was")


def test_no_name_is_cut_on_a_terminal_of_80_columns() -> None:
    models = {**SUMMARY["models"], "purchase_propensity": {**CHAMPION, "status": "not_promoted"}}
    segments = {**SUMMARY["segments"], "by_size": [{"name": "Lookers at many things", "users": 1200, "share": 0.6}]}
    shown = _shown(width=80, models=models, segments=segments)

    assert any(line.startswith("purchase_propensity average") for line in shown)
    assert "Lookers at many things 1,200 60.0%" in shown
    assert "…" not in "".join(shown)


def test_a_row_that_went_nowhere_is_told() -> None:
    assert "10,000 9,899 70 30 0 no" in _shown(rows={**SUMMARY["rows"], "rows_loaded": 9_899})


def test_what_can_not_be_computed_is_undefined() -> None:
    policies = {**CHAMPION["policies"], "model": _outcome(0, UNDEFINED), "conversions_kept": UNDEFINED}
    model = {**CHAMPION, "roc_auc": None, "roc_auc_low": None, "roc_auc_high": None, "policies": policies}
    shown = _shown(models={"popup_profile": REFUSED, "popup_behaviour": model})

    assert "popup_behaviour ROC-AUC undefined undefined to undefined 82 of 12,345 champion" in shown
    assert "popup_behaviour 0 82 undefined undefined to undefined undefined" in shown


def test_stages_of_buyers_are_told_with_their_definition_and_without_where_none_were_learnt() -> None:
    precision, recall = "0.300 (0.280 to 0.320)", "undefined (undefined to undefined)"
    told = f"Stages of buyers by stage_by_depth: macro precision {precision}, macro recall {recall}."

    assert told in " ".join(_shown())
    assert "Stages of buyers" not in " ".join(_shown(buyer_stage=REFUSED))


def test_segments_that_were_not_found_say_why() -> None:
    refused = {"status": "not_trained", "reason": "40 users; 1,000 are needed."}

    assert "user_segments is not trained. 40 users; 1,000 are needed." in _shown(segments=refused)


@pytest.mark.parametrize(
    ("model", "why"),
    [({**CHAMPION, "policies": None}, "no pop-up was shown"), (REFUSED, "no pop-up model was trained")],
)
def test_policies_that_can_not_be_compared_say_why(model: dict[str, Any], why: str) -> None:
    assert f"{why}: nothing to compare" in _shown(models={"popup_profile": REFUSED, "popup_behaviour": model})


def test_a_reason_is_told_once() -> None:
    """That of a pop-up model that was not trained is told by the run, as its last words."""
    refused = {"status": "not_trained", "reason": "40 users; 1,000 are needed."}
    propensity = {"status": "not_trained", "reason": "Every user bought."}
    told = " ".join(_shown(segments=refused, models={**SUMMARY["models"], "purchase_propensity": propensity}))

    assert [told.count(model["reason"]) for model in (refused, propensity, REFUSED)] == [1, 1, 0]


def test_a_real_export_is_not_called_simulated() -> None:
    shown = _shown(source={**SUMMARY["source"], "is_simulated": False})

    assert [line for line in shown if "Simulated" in line] == []


def test_rows_that_were_read_where_they_are_are_told_as_read() -> None:
    told = " ".join(_shown(rows={"rows_read": 10_000}))

    assert "10,000" in told
    assert "quarantined" not in told


def test_a_champion_that_went_back_by_itself_is_told_with_what_it_cost() -> None:
    reason = "Worse than the champion before it. Conversions lost until now: 7."
    guard = {
        "popup_profile": {"status": "not_watched"},
        "popup_behaviour": {"status": "rolled_back", "version": "3", "predecessor": "2", "reason": reason},
    }
    (told,) = [line for line in _shown(guard=guard) if "by itself" in line]
    assert told == f"Version 3 of popup_behaviour went back to version 2 by itself. {reason}"
    assert not [line for line in _shown() if "by itself" in line]
