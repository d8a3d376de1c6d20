import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from mlflow import MlflowClient
from rich.console import Console
from typer.testing import CliRunner, Result

from ml.registry import Registry
from tactful import cli, models
from tactful.champions import deciding
from tactful.home import QUIET
from tactful.settings import Settings, SettingsError
from tactful.stores import tracking_uri
from tests.ml import rivals

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The lines that are printed of a model whose champion was retired and of one with two versions, by their start."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    Registry.of(settings).ensure()
    (settings.home / "source.json").write_text("{}")
    client = MlflowClient(tracking_uri(settings), tracking_uri(settings))
    for model, day, *aliases in (
        ("retired", "2026-01-20", "last_champion"),
        ("segments", "2026-01-20"),
        ("segments", "2026-01-27", "champion", "last_champion", "autumn"),
    ):
        if not client.search_registered_models(f"name = '{model}'"):
            client.create_registered_model(model)
        tags = {"trained_from": day, "trained_to": day, "bundle_digest": "c0ffee" * 10}
        version = str(client.create_model_version(model, settings.home.as_uri(), tags=tags).version)
        for alias in aliases:
            client.set_registered_model_alias(model, alias, version)
    told = StringIO()
    models.show_versions(settings, Console(file=told, width=200))
    lines = [line.split() for line in told.getvalue().splitlines()]
    return {" ".join(words[:2]): " ".join(words[2:]) for words in lines}


def test_the_champion_is_named_among_versions_the_newest_first(shown: dict[str, str]) -> None:
    assert list(shown) == ["model version", "retired 1", "segments 2", "segments 1"]
    assert "champion 20" in shown["segments 2"]
    assert shown["segments 2"].endswith("UTC 2026-01-27 to 2026-01-27 c0ffeec0ffee")


def test_a_version_that_is_champion_no_more_is_named_nothing(shown: dict[str, str]) -> None:
    assert shown["retired 1"].startswith("20")
    assert shown["segments 1"].startswith("20")


def test_an_alias_that_people_gave_is_shown_too(shown: dict[str, str]) -> None:
    assert shown["segments 2"].startswith("autumn, champion 20")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with two versions of a pop-up model, of which nobody is champion."""
    settings = Settings(home=tmp_path_factory.mktemp("versions"))
    registry = Registry.of(settings)
    (settings.home / "source.json").write_text("{}")
    for _ in range(2):
        rivals.add_version(registry, "popup_profile", rivals.good())
    return settings


def _call(home: Settings, *arguments: str) -> Result:
    """The command, called in this process."""
    return CliRunner().invoke(
        cli.app, ["models", *arguments], env={"TACTFUL_HOME": str(home.home), "COLUMNS": "160", **QUIET}
    )


def test_versions_are_promoted_rolled_back_and_told_of_by_instant(home: Settings) -> None:
    before = datetime.now(UTC)
    for version, by in (("1", "Ada"), ("2", "Bob")):
        asked = ("promote", "popup_profile", version, "--reason", "a campaign", "--by", by)
        assert _call(home, *asked).output.startswith("promote of popup_profile from ")
    between = datetime.now(UTC)
    assert "from 2 to 1" in _call(home, "rollback", "popup_profile", "--reason", "complaints").output

    instants = [before.isoformat(), between.isoformat(), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}", "now"]
    told = [_call(home, "live-at", instant, "popup_profile").output for instant in instants]

    since = r"\([0-9a-f]{12}\), since [0-9-]{10} [0-9:]{8} UTC\."
    assert told[0] == "popup_profile: no champion is on record by then.\n"
    assert re.match(rf"popup_profile: version 2 {since} Promote, asked by Bob: a campaign\n", told[1])
    assert re.match(rf"popup_profile: version 1 {since} Rollback, asked by \w+: complaints\n", told[2])
    assert told[3] == told[2]
    assert "from 1 to nobody" in _call(home, "retire", "popup_profile", "--reason", "over", "--expected", "1").output
    assert "has no champion" in str(_call(home, "retire", "popup_profile", "--reason", "over").exception)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("promote", "popup_profile", "9", "--reason", "x"), "popup_profile has no version 9; it has 2, 1."),
        (("promote", "popup_profile", "2", "--reason", "x", "--expected", "7"), "E_CHAMPION_MOVED: the champion of"),
        (("live-at", "yesterday"), "TIME is 'yesterday'; `now` or an instant as 2026-11-17 14:03 is needed."),
        (("live-at", "2099-11-17 14:03"), "TIME is '2099-11-17 14:03', which is still to come: nobody knows who will"),
        (("live-at", "2026-11-17", "popup"), "No model is called 'popup'; registered are popup_profile."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(home: Settings, arguments: tuple[str, ...], line: str) -> None:
    refusal = _call(home, *arguments).exception

    assert isinstance(refusal, SettingsError)
    assert str(refusal).startswith(line)
    assert "\n" not in str(refusal)


def test_nothing_of_the_list_is_cut_on_a_terminal_of_80_columns(home: Settings) -> None:
    told = StringIO()
    models.show_versions(home, Console(file=told, width=80))

    assert "…" not in told.getvalue()
    assert re.search(r"^popup_profile +1 .* [0-9a-f]{12} *$", told.getvalue(), re.MULTILINE)


def test_who_decides_now_is_the_champion_or_nobody(home: Settings) -> None:
    Registry.of(home).point("popup_profile", "champion", "2")

    assert deciding(home, ["popup_profile", "churn"]) == {"popup_profile": "2", "churn": None}


def test_without_a_command_versions_are_listed(home: Settings) -> None:
    listed = _call(home, "list").output
    assert "popup_profile" in listed
    assert _call(home).output == listed


def test_a_user_without_a_name_has_to_say_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 123_456_789)

    with pytest.raises(SettingsError, match="say by --by who asks"):
        _ = models.Wish("popup_profile", "complaints").asked_by
    assert models.Wish("popup_profile", "complaints", "Ada").asked_by == "Ada"
