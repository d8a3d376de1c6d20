"""What asked for a training, and since when visitors are others."""

from datetime import date

import dagster as dg
import pytest

from ml.terms import DRIFTED_ON, Terms
from ml.versions import ChampionVersion

TERMS = Terms("c0ffee", "popup_submit", 0.4, is_simulated=True, whole_sessions=1.0)
KNEW = ChampionVersion("popup", "3", "c0ffee", "run", {DRIFTED_ON: "2026-01-05"})


@pytest.mark.parametrize(
    ("tags", "champion", "since"),
    [
        ({"tactful/drifted_on": "2026-02-16", "dagster/schedule": "x"}, KNEW, date(2026, 2, 16)),
        ({"tactful/reason": "once a week"}, KNEW, date(2026, 1, 5)),
        ({}, None, None),
    ],
)
def test_a_run_says_since_when_visitors_are_others_or_else_the_champion_does(
    tags: dict[str, str], champion: ChampionVersion | None, since: date | None
) -> None:
    from orchestration.assets.models import asked_by

    run = dg.DagsterRun(job_name="retrain", run_id="00000000-0000-0000-0000-000000000001", tags=tags)
    asked = asked_by(run, TERMS, champion)

    assert asked.drifted_on == since
    ours = {name: value for name, value in tags.items() if name.startswith("tactful/")}
    assert asked.asked == {"run": run.run_id, **ours}
