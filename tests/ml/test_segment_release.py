import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml import segment_bundle
from ml.registry import Registry
from ml.segment_release import SegmentRelease, Users, release_segments
from ml.terms import Terms
from tests.ml.segment_users import COLUMNS, SPEC, users

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

TERMS = Terms("c0ffee", "popup_submit", 0.4, is_simulated=True, whole_sessions=1.0)
FIRST_DAY = date(2026, 1, 20)
FEATURES = COLUMNS[:4]


@pytest.fixture
def weeks(mlflow_registry: Registry, tmp_path: Path, request: pytest.FixtureRequest) -> "Weeks":
    return Weeks(mlflow_registry, request.node.name, tmp_path)


class Weeks:
    """Releases of one model, a week after the other."""

    def __init__(self, registry: Registry, name: str, folder: Path) -> None:
        self.registry, self.name = registry, name
        self._folder, self._weeks = folder, 0

    def release(self, frame: pd.DataFrame, terms: Terms = TERMS, seed: int = 7) -> SegmentRelease:
        day, folder = FIRST_DAY + timedelta(weeks=self._weeks), self._folder / f"week_{self._weeks}"
        folder.mkdir()
        self._weeks += 1
        spec = replace(SPEC, name=self.name, seed=seed)
        return release_segments(spec, Users(frame, FEATURES, day), self.registry, terms, folder)

    @property
    def champion(self) -> str | None:
        found = self.registry.champion(self.name)
        return found.version if found else None


def _ids(release: SegmentRelease) -> dict[str, str]:
    return {segment.id: segment.name for segment in release.report.segments}


def _otherwise() -> pd.DataFrame:
    """The users, half of them of each kind now of another: what they did says nothing of who they were."""
    frame = users()
    shuffled = frame.sample(frac=1, random_state=0, ignore_index=True)
    return pd.concat([frame[["visits"]], shuffled[["orders"]] * 5, 100 - frame[["pages"]], frame[["never"]]], axis=1)


def test_ids_and_names_stay_through_refusals_and_are_never_given_twice(weeks: Weeks, tmp_path: Path) -> None:
    first = weeks.release(users())
    assert (first.gate.is_passed, weeks.champion) == (True, "1")
    assert sorted(_ids(first)) == ["S1", "S2", "S3"]

    again = weeks.release(users(330), seed=11)
    assert (_ids(again), weeks.champion) == (_ids(first), "2")
    assert again.gate.reason.endswith("and 100% of the users keep their segment.")

    sampled = weeks.release(users(), replace(TERMS, whole_sessions=0.08))
    assert (sampled.gate.is_passed, weeks.champion) == (False, None)

    # nobody is champion, and yet the last who was is remembered
    back = weeks.release(users())
    assert (_ids(back), weeks.champion) == (_ids(first), "4")

    bundle = weeks.registry.download_bundle(weeks.name, back.version, tmp_path)
    stored = segment_bundle.read(bundle, back.digest)
    assert [event.kind for event in stored.ledger] == ["birth"] * 3


def test_a_clustering_that_moves_most_users_leaves_the_champion_where_it_is(weeks: Weeks) -> None:
    first = weeks.release(users())
    other = weeks.release(_otherwise())
    assert "of the users keep their segment, and 50% is asked for" in other.gate.reason
    assert weeks.champion == first.version

    anew = weeks.release(_otherwise(), replace(TERMS, contract_checksum="another"))
    assert (anew.gate.is_passed, weeks.champion) == (True, anew.version)
    # the ids of the refused version are not given again either
    assert not {*_ids(first), *_ids(other)} & (_ids(anew).keys() - _ids(first).keys())


def _damage(bundle: Path) -> None:
    (bundle / "model.skops").write_bytes(b"damaged")


@pytest.mark.parametrize("harm", [_damage, shutil.rmtree])
def test_a_champion_that_cannot_be_read_stays_and_leaves_its_ids_to_nobody(
    weeks: Weeks, harm: Callable[[Path], None]
) -> None:
    first = weeks.release(users())
    champion = weeks.registry.champion(weeks.name)
    assert champion is not None
    artifacts = Path(weeks.registry.artifact_location.removeprefix("file://"))
    harm(artifacts / champion.run_id / "artifacts" / "bundle")
    after = weeks.release(users())
    assert "can't be read" in after.gate.reason
    assert weeks.champion == first.version
    assert not _ids(first).keys() & _ids(after).keys()
