import os
import re
import tempfile
from datetime import date
from pathlib import Path

import pytest

from tactful import settings
from tactful.settings import Settings, SettingsError
from tests.conftest import PROJECT


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
        (
            "TACTFUL_HOST",
            "shop.example.com",
            "TACTFUL_HOST is 'shop.example.com': Input should be '127.0.0.1' or '0.0.0.0'",
        ),
        ("TACTFUL_DAGSTER_PORT", "70000", "less than or equal to 65535"),
        ("TACTFUL_TIME_ZONE", "Warsaw", "an IANA time zone such as Europe/Warsaw is needed"),
        ("TACTFUL_IMPRESSION_BUDGET", "0", "greater than 0"),
        ("TACTFUL_CONVERSION_EVENT", "x'; drop table users", "TACTFUL_CONVERSION_EVENT is"),
        ("TACTFUL_PROFILE", "azure", "'local' or 'gcp'"),
        ("TACTFUL_GCP_PROJECT", "My Shop", "TACTFUL_GCP_PROJECT is 'My Shop'"),
        ("TACTFUL_REDIS_URL", "localhost:6379", "an address such as redis://"),
        ("TACTFUL_REDIS_URL", "redis://:a%2Cb@host", "holds a comma"),
        ("TACTFUL_POSTGRES_URL", "postgresql://host", "an address such as postgresql://"),
        ("TACTFUL_POSTGRES_URL", " ", "TACTFUL_POSTGRES_URL is wrong"),
        ("TACTFUL_PSEUDONYM_KEY", "x" * 31, "at least 32 bytes are needed"),
        ("TACTFUL_PSEUDONYM_KEY", "changeme" * 4, "TACTFUL_PSEUDONYM_KEY is wrong: it is too easily guessed"),
        ("TACTFUL_PSEUDONYM_KEY", " " * 40, "TACTFUL_PSEUDONYM_KEY is wrong"),
        ("TACTFUL_NOTIFY", "me@example.com", "TACTFUL_NOTIFY is wrong: Apprise's URLs are needed"),
        ("TACTFUL_DATA_UNTIL_HOUR", "24", "less than or equal to 23"),
        ("TACTFUL_QUERY_KEYS", "q,(.*)", "TACTFUL_QUERY_KEYS is 'q,(.*)'"),
        ("TACTFUL_SIMULATION_FIRST_DAY", "9999-12-30", "less than or equal to 2099-12-31"),
        ("TACTFUL_SIMULATION_SESSIONS", "100000000000", "less than or equal to 10000000"),
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


@pytest.mark.parametrize("name", ["TACTFUL_REDIS_URL", "TACTFUL_POSTGRES_URL"])
def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "ftp://user:hush@host")

    with pytest.raises(SettingsError) as refused:
        settings.load()

    assert "hush" not in str(refused.value)


def test_all_that_a_profile_lacks_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACTFUL_PROFILE", "gcp")
    monkeypatch.setenv("TACTFUL_GCP_LOCATION", "EU")

    with pytest.raises(SettingsError) as refused:
        settings.load()

    told = str(refused.value)
    assert "TACTFUL_PROFILE is 'gcp', which also needs TACTFUL_GCP_PROJECT (" in told
    assert re.findall(r"TACTFUL_(\w+) \(", told) == [
        "GCP_PROJECT",
        "EXPORT_DATASET",
        "REDIS_URL",
        "POSTGRES_URL",
        "ARTIFACTS",
    ]
    assert "\n" not in told


@pytest.mark.parametrize("name", ["TACTFUL_HOME", "TACTFUL_EXPORT"])
@pytest.mark.parametrize("deep", ["truth", "bench/truth", "shops/first/truth"])
def test_no_folder_around_the_truth_is_a_home_or_an_export(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, deep: str
) -> None:
    (tmp_path / "place" / deep).mkdir(parents=True)
    (tmp_path / "place" / deep / settings.TRUTH_MARK).touch()
    monkeypatch.setenv(name, str(tmp_path / "place"))

    with pytest.raises(SettingsError, match=f"{deep} holds the truth of a simulated shop"):
        settings.load()


@pytest.mark.parametrize("near", ["place", "place/truth", "place/truth/inner"])
def test_an_export_that_a_command_names_is_held_to_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, near: str
) -> None:
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    truth = tmp_path / "place" / "truth"
    truth.mkdir(parents=True)
    (truth / settings.TRUTH_MARK).touch()

    with pytest.raises(SettingsError) as refused:
        settings.load(export=tmp_path / near)

    told = f"TACTFUL_EXPORT is '{tmp_path / near}': {truth} holds the truth of a simulated shop"
    assert str(refused.value).startswith(told)


def test_an_export_that_a_command_names_is_over_the_environment_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TACTFUL_EXPORT", "/elsewhere")

    assert settings.load(export=tmp_path).export == tmp_path


def test_the_page_of_settings_lists_each_with_its_default() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text()
    listed = re.findall(r"^\| `(TACTFUL_\w+)` \| (?:`(.*?)`|(none)) \| .+ \|$", page, re.MULTILINE)
    fields = Settings.model_fields.items()

    assert [(name, value or none) for name, value, none in listed] == [
        (settings.variable(name), "none" if field.default is None else str(field.default)) for name, field in fields
    ]


def test_what_gcp_needs_is_marked_on_the_page() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text()
    marked = {name for name, none in re.findall(r"^\| `(TACTFUL_\w+)` \| (none) \| `gcp`", page, re.MULTILINE)}

    assert marked - {"TACTFUL_FIRST_DAY", "TACTFUL_LAST_DAY"} == set(map(settings.variable, settings.NEEDED_BY_GCP))


def test_a_folder_that_may_not_be_read_is_passed_over() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        (Path(place) / "locked").mkdir(mode=0)
        user = os.geteuid()
        # root may read everything
        os.seteuid(user or 65_534)
        try:
            assert Settings(home=Path(place)).home == Path(place)
        finally:
            os.seteuid(user)
