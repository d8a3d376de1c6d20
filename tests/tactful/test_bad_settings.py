"""Mistakes in settings, as a person makes them at the command line; the ids are those of the table of bad inputs."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tactful import cli
from tactful.home import QUIET

SHOW = ("clients", "show")

Tactful = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tactful(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tactful:
    """The command line in this process, with no other settings than are stated: its exit code, and what it says."""

    def run(*arguments: str, home: Path, **variables: str) -> tuple[int, str, str]:
        with monkeypatch.context() as context:
            for name in [name for name in os.environ if name.startswith("TACTFUL_")]:
                context.delenv(name)
            for name, value in {**QUIET, "TACTFUL_HOME": str(home), "COLUMNS": "160", **variables}.items():
                context.setenv(name, value)
            context.setattr(sys, "argv", ["tactful", *arguments])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        pytest.param(("clients", "set", "shop", "origins=["), {}, "origins=[ is no JSON", id="C01-no-json"),
        pytest.param(
            ("clients", "set", "shop", 'thresholds={"a"\t1}'), {}, "thresholds={", id="C01-no-json-with-a-tab"
        ),
        pytest.param(("clients", "set", "shop", "rate=1"), {}, "unknown field `rate`", id="C02-unknown-field"),
        pytest.param(
            SHOW, {"TACTFUL_DECISION_PROT": "1"}, "did you mean TACTFUL_DECISION_PORT?", id="C02-mistyped-variable"
        ),
        pytest.param(SHOW, {"TACTFUL_DECISION_CONNECTIONS": "many"}, "CONNECTIONS is 'many'", id="C03-wrong-type"),
        pytest.param(SHOW, {"TACTFUL_DECISION_PORT": ""}, "TACTFUL_DECISION_PORT is ''", id="C03-empty"),
        pytest.param(
            SHOW, {"TACTFUL_PSEUDONYM_KEY": " " * 40}, "TACTFUL_PSEUDONYM_KEY is wrong", id="C03-blank-secret"
        ),
        pytest.param(SHOW, {"TACTFUL_PSEUDONYM_KEY": "hush"}, "at least 32 bytes are needed", id="C04-short-secret"),
        pytest.param(
            SHOW, {"TACTFUL_PSEUDONYM_KEY": "changeme" * 4}, "too easily guessed", id="C04-secret-of-an-example"
        ),
        pytest.param(("keys", "issue", "A Shop"), {}, "'A Shop' names no client", id="no-client"),
        pytest.param(("keys", "revoke", "0000"), {}, "0 keys are called '0000'", id="no-key"),
        pytest.param(("clients", "set", "shop", "threshold"), {}, "FIELD=JSON is needed", id="no-field"),
    ],
)
def test_a_mistake_ends_in_one_line_before_anything_is_done(
    tactful: Tactful, tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    code, _, said = tactful(*arguments, home=tmp_path / "home", **variables)
    assert code == 2
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not any(secret in said for secret in ("hush", "changeme"))
    assert not any(file.suffix in {".json", ".db"} for file in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("serve",), id="C05-serve"),
        pytest.param(("keys", "issue", "shop"), id="C05-keys"),
        pytest.param(("clients", "set", "shop", "exploration=0.1"), id="C05-clients"),
    ],
)
def test_a_home_that_can_not_be_written_is_told_before_any_work(
    tactful: Tactful, tmp_path: Path, command: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the folder should be")
    code, _, said = tactful(*command, home=home)
    assert code == 2
    assert str(home) in said
    assert len(said.strip().splitlines()) == 1


def test_keys_are_issued_listed_and_revoked(tactful: Tactful, tmp_path: Path) -> None:
    _, token, _ = tactful("keys", "issue", "shop", "--scope", "decide", "--days", "90", home=tmp_path)
    _, listed, _ = tactful("keys", "list", home=tmp_path)
    (line,) = [line for line in listed.splitlines() if " shop " in line]
    name = line.split()[0]
    _, revoked, _ = tactful("keys", "revoke", name, home=tmp_path)

    assert token.startswith("tac_")
    assert token.strip() not in listed
    assert " decide " in line
    assert line.rstrip().endswith("live")
    assert revoked == f"Key {name} of shop is revoked.\n"
    assert "revoked 20" in tactful("keys", "list", home=tmp_path)[1]


def test_settings_are_set_and_shown_with_who_changed_them(tactful: Tactful, tmp_path: Path) -> None:
    stated = ("frequency_cap=2", 'rate_limit="600/minute"')
    code, _, said = tactful("clients", "set", "shop", *stated, "--by", "Ada", home=tmp_path)
    _, shown, _ = tactful("clients", "show", "shop", home=tmp_path)

    assert code == 0, said
    assert '"frequency_cap": 2' in shown
    assert 'UTC, Ada: frequency_cap from null to 2; rate_limit from null to "600/minute"' in shown
