"""The threshold as a business sets it, on models that the main job has trained."""

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from ml.registry import Registry
from tactful.settings import Settings, SettingsError
from tactful.thresholds import set_threshold, show_threshold
from tests.conftest import Ran

MODEL = "popup_behaviour"


@pytest.fixture
def settings(ran: Ran) -> Settings:
    return Settings(home=ran.home)


def told(say: Callable[[Console], None]) -> str:
    console = Console(file=StringIO(), record=True, width=160)
    say(console)
    return console.export_text()


def test_a_threshold_is_set_and_left_to_the_model_again(settings: Settings) -> None:
    registry = Registry.of(settings)
    set_threshold(settings, MODEL, 0.25, Console(file=StringIO()))
    assert registry.threshold(MODEL) == 0.25
    assert "from a score on: 0.25, set for every version" in told(lambda it: show_threshold(settings, MODEL, it))
    set_threshold(settings, MODEL, None, Console(file=StringIO()))
    assert registry.threshold(MODEL) is None
    assert "each version's own" in told(lambda it: show_threshold(settings, MODEL, it))


def test_what_others_would_show_and_keep_is_listed(settings: Settings) -> None:
    rows = told(lambda it: show_threshold(settings, MODEL, it)).splitlines()
    cells = [[cell.strip() for cell in row.split("│")] for row in rows]
    shares = [(line[2], line[3], line[5]) for line in cells if len(line) > 4]
    assert shares[-1] == ("100.0%", "100.0%", "")
    assert len(shares) > 4
    assert [mark for _, _, mark in shares].count("in force") == 1


def test_a_threshold_that_was_not_measured_stands_between_its_neighbours(settings: Settings) -> None:
    own = Registry.of(settings).metrics(Registry.of(settings).champion(MODEL))  # type: ignore[arg-type]
    set_threshold(settings, MODEL, 0.999999, Console(file=StringIO()))
    told_now = told(lambda it: show_threshold(settings, MODEL, it))
    set_threshold(settings, MODEL, None, Console(file=StringIO()))

    (in_force,) = [line for line in told_now.splitlines() if "in force" in line]
    (its_own,) = [line for line in told_now.splitlines() if "its own" in line]
    assert in_force.split("│")[1].strip() == "1.0000"
    assert in_force.split("│")[2].strip().startswith("0.0% to ")
    assert its_own.split("│")[1].strip() == f"{own['threshold']:.4f}"


@pytest.mark.parametrize("model", ["purchase_propensity", "popup"])
def test_a_model_that_shows_nothing_has_no_threshold(settings: Settings, model: str) -> None:
    with pytest.raises(SettingsError, match=f"'{model}' shows nothing to anybody; models that do are popup_profile"):
        set_threshold(settings, model, 0.5, Console())


def test_what_is_no_probability_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"threshold is 1\.5; a probability between 0 and 1"):
        set_threshold(settings, MODEL, 1.5, Console())
