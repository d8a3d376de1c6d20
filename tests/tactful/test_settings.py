from datetime import date
from pathlib import Path

import pytest

from tactful import settings
from tactful.settings import SettingsError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(f"TACTFUL_{name.upper()}", raising=False)
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path))


def test_a_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACTFUL_SIMULATION_FIRST_DAY", "2026-02-01")

    assert settings.load().simulation_first_day == date(2026, 2, 1)


def test_a_mistyped_setting_is_named_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACTFUL_CONVERSION_EVNT", "purchase")

    with pytest.raises(SettingsError, match=r"EVNT is not a setting; did you mean TACTFUL_CONVERSION_EVENT\?"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TACTFUL_DAGSTER_PORT", "high", "TACTFUL_DAGSTER_PORT is 'high'"),
        ("TACTFUL_DAGSTER_PORT", "70000", "less than or equal to 65535"),
        ("TACTFUL_TIME_ZONE", "Warsaw", "an IANA time zone such as Europe/Warsaw is needed"),
        ("TACTFUL_IMPRESSION_BUDGET", "0", "greater than 0"),
        ("TACTFUL_CONVERSION_EVENT", "x'; drop table users", "TACTFUL_CONVERSION_EVENT is"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        settings.load()

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_the_last_run_remembered_gives_way_to_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / settings.REMEMBERED).write_text("TACTFUL_CONVERSION_EVENT=purchase\nTACTFUL_TIME_ZONE=Europe/Warsaw\n")
    monkeypatch.setenv("TACTFUL_TIME_ZONE", "Asia/Tokyo")

    assert (settings.load().conversion_event, settings.load().time_zone) == ("purchase", "Asia/Tokyo")
    assert settings.load(remembered=False).conversion_event == "popup_submit"
