from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tactful import home
from tactful.run import NOT_LANDED, NOT_TRAINED, _exit_code, settings_of
from tactful.settings import REMEMBERED, TRUTH_MARK, Settings, SettingsError
from tactful.source import source_of
from tests.conftest import tactful

TRAINED = {"popup_behaviour": {"status": "champion", "reason": ""}}
NOT = {"popup_behaviour": {"status": "not_trained", "reason": "3 positive rows; at least 50 are needed."}}


@pytest.mark.parametrize(
    ("models", "rows", "code", "told"),
    [
        (TRAINED, {"days_refused": []}, 0, ""),
        (TRAINED, {}, 0, ""),
        ({**TRAINED, "churn": NOT["popup_behaviour"]}, {}, 0, ""),
        (NOT, {"days_refused": []}, NOT_TRAINED, "Not trained: 3 positive rows"),
        (TRAINED, {"days_refused": ["Day 2026-01-06 is missing"]}, NOT_LANDED, "Left out: Day 2026-01-06 is missing"),
        (NOT, {"days_refused": ["Day 2026-01-06 is missing"]}, NOT_LANDED, "Not trained: 3 positive rows"),
    ],
)
def test_what_a_run_could_not_do_is_told_and_ends_in_a_code_of_its_own(
    models: dict[str, Any], rows: dict[str, Any], code: int, told: str
) -> None:
    console = Console(record=True, width=120)

    assert _exit_code({"models": models, "rows": rows}, console) == code
    assert told in console.export_text()


def _remembering(folder: Path, **settings: str) -> None:
    folder.mkdir(exist_ok=True)
    lines = [f'TACTFUL_{name.upper()}="{value}"\n' for name, value in settings.items()]
    (folder / REMEMBERED).write_text("".join(lines))


def _settings_of(export: Path | None = None, is_simulated: bool = False) -> tuple[Path | None, str, str]:
    """Export and conversion event of a run, and what is said of them."""
    console = Console(record=True, width=200)
    settings = settings_of(export, is_simulated, console)
    return settings.export, settings.conversion_event, console.export_text()


def test_a_run_that_names_no_export_goes_on_with_that_of_the_last_one_and_its_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path))
    assert _settings_of() == (None, "popup_submit", "")

    _remembering(tmp_path, export="/exports/shop", conversion_event="purchase")
    export, event, told = _settings_of()

    assert (export, event) == (Path("/exports/shop"), "purchase")
    assert told.startswith("Going on with the last run's export /exports/shop; --simulated asks for the simulator's")


def test_an_export_that_is_named_and_the_simulator_s_shop_begin_with_nothing_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path))
    _remembering(tmp_path, export="/exports/shop", conversion_event="purchase")

    assert _settings_of(Path("/exports/other")) == (Path("/exports/other"), "popup_submit", "")
    assert _settings_of(is_simulated=True) == (None, "popup_submit", "")
    monkeypatch.setenv("TACTFUL_EXPORT", "/exports/third")
    assert _settings_of() == (Path("/exports/third"), "popup_submit", "")
    assert _settings_of(is_simulated=True) == (None, "popup_submit", "")
    with pytest.raises(SettingsError, match="say one of them"):
        _settings_of(Path("/exports/other"), is_simulated=True)


def test_a_run_on_another_export_says_what_went_with_the_former_one_and_how_it_comes_back(tmp_path: Path) -> None:
    former, other = tmp_path / "former one", tmp_path / "other"
    for export in (former, other):
        # no Parquet file: the run goes no further than its landing
        export.mkdir()
        (export / "events_20260105.parquet").touch()
    settings = Settings(home=tmp_path / "home", export=former, conversion_event="purchase")
    home.prepare(settings)
    home.adopt(settings, source_of(settings))
    home.remember(settings)

    told = tactful("run", "--export", str(other), "--without-broken-days", home=settings.home).stdout

    (set_aside,) = (settings.home / "earlier").iterdir()
    assert (
        f"its keys and its clients' settings lie in {set_aside}. `TACTFUL_CONVERSION_EVENT=purchase tactful run "
        f"--export '{former}'` brings them back."
    ) in told
    assert f'TACTFUL_EXPORT="{other}"' in (settings.home / REMEMBERED).read_text()


def test_a_folder_of_truth_is_no_export_and_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / TRUTH_MARK).touch()

    told = tactful("run", "--export", str(tmp_path / "truth"), home=tmp_path / "home")

    assert told.returncode == 2
    assert "holds the truth of a simulated shop" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()
