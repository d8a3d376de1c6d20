"""The rows that another model is tried on: what was decided about, by the features on record."""

from pathlib import Path

import msgspec

from serving.audit import AuditedDecision, AuditLog
from serving.audit_erasure import erase
from serving.logged import newest_scored
from tests.serving.test_audit import DECISION


def _decision(number: int, score: float | None = 0.5, user: str = "u1", model: str = DECISION.model) -> AuditedDecision:
    features = {**DECISION.features, "pages_before": number}
    return msgspec.structs.replace(
        DECISION, decision_id=f"d{number}", score=score, user_pseudo_id=user, model=model, features=features
    )


def test_the_newest_scored_decisions_of_a_model_are_read_with_their_very_features(tmp_path: Path) -> None:
    file = tmp_path / "decisions.sqlite"
    others = [_decision(4, score=None), _decision(5, user="gone"), _decision(6, model="other")]
    with AuditLog(file) as log:
        log.append([_decision(1), _decision(2), _decision(3), *others])
    erase(file, ["gone"])

    assert newest_scored(file, DECISION.model, most=2) == [_decision(3).features, _decision(2).features]


def test_where_nothing_was_decided_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert newest_scored(tmp_path / "decisions.sqlite", DECISION.model) == []
    assert list(tmp_path.iterdir()) == []
