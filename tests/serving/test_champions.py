"""Champions follow their alias, and are never worse than the last good one."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.bundle import Bundle
from serving.champions import Champions


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model of the test's own in the shared registry."""
    return str(request.node.name)


def champions(registry: Any, name: str, cache: Path) -> Champions:
    return Champions(registry.tracking_uri, [name], cache)


def with_threshold(trained: Bundle, threshold: float) -> Bundle:
    return replace(trained, header=replace(trained.header, threshold=threshold))


def test_the_champion_changes_when_the_alias_moves(registry: Any, trained: Bundle, tmp_path: Path, name: str) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    first = followed.of(name)
    registry.register(with_threshold(trained, 0.25), name)
    followed.refresh()
    second = followed.of(name)
    assert first is not None
    assert second is not None
    assert (first.version, first.bundle.header.threshold) == ("1", 0.5)
    assert (second.version, second.bundle.header.threshold) == ("2", 0.25)
    assert {first.digest, second.digest} == {folder.name for folder in tmp_path.iterdir()}


def test_a_moved_alias_is_followed_without_being_asked(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    seen = ["1"]
    deadline = time.monotonic() + 30
    with Champions(registry.tracking_uri, [name], tmp_path, interval=0.01) as followed:
        registry.register(with_threshold(trained, 0.25), name)
        while seen[-1] == "1" and time.monotonic() < deadline:
            champion = followed.of(name)
            assert champion is not None
            seen += [champion.version] if champion.version != seen[-1] else []
    assert seen == ["1", "2"]


def test_a_threshold_set_by_the_business_is_followed_and_a_wrong_one_is_not(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)

    def threshold() -> float:
        followed.refresh()
        champion = followed.of(name)
        assert champion is not None
        return champion.threshold

    assert threshold() == 0.5
    registry.client.set_registered_model_tag(name, "threshold", "0.03")
    assert threshold() == 0.03
    registry.client.set_registered_model_tag(name, "threshold", "half")
    assert threshold() == 0.03
    registry.client.delete_registered_model_tag(name, "threshold")
    assert threshold() == 0.5


@pytest.mark.parametrize("digest", ["", "../../etc", "f" * 64])
def test_a_version_that_is_not_what_it_says_is_not_served(
    registry: Any, trained: Bundle, tmp_path: Path, digest: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = f"digest-{len(digest)}"
    registry.register(trained, model)
    followed = champions(registry, model, tmp_path)
    followed.refresh()
    registry.register(with_threshold(trained, 0.25), model, digest=digest)
    followed.refresh()
    followed.refresh()
    good = followed.of(model)
    assert good is not None
    assert good.version == "1"
    assert len(caplog.messages) == 1


def test_a_bundle_altered_in_the_cache_is_not_served(registry: Any, trained: Bundle, tmp_path: Path, name: str) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    champion = followed.of(name)
    assert champion is not None
    model = tmp_path / champion.digest / "model.json"
    model.write_bytes(model.read_bytes().replace(b"0", b"1", 1))
    again = champions(registry, name, tmp_path)
    again.refresh()
    assert again.of(name) is None


def test_the_last_good_champion_stays_while_the_registry_is_away(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    database = Path(shutil.copy(registry.folder / "mlflow.db", tmp_path / "mlflow.db"))
    followed = Champions(f"sqlite:///{database}", [name], tmp_path / "bundles")
    followed.refresh()
    database.rename(tmp_path / "away.db")
    followed.refresh()
    assert followed.of(name) is not None


def test_who_has_no_champion_is_told_what_would_name_one(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    registry.client.create_registered_model(name)
    followed.refresh()

    left = "visitors are left alone until"
    assert caplog.messages == [
        f"No new champion of {name}: it has no version yet; {left} `make run` has trained one.",
        f"No new champion of {name}: no version is champion; {left} `tactful models promote` or a run names one.",
    ]


def test_a_registry_that_is_not_there_is_not_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    followed = Champions(f"sqlite:///{tmp_path / 'mlflow.db'}", ["popup_behaviour"], tmp_path / "bundles")
    followed.refresh()
    assert caplog.messages[0].endswith("isn't there; visitors are left alone until `make run` has trained one.")
    assert followed.of("popup_behaviour") is None
    assert list(tmp_path.iterdir()) == []
