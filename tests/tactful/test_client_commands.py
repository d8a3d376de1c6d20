"""The commands of clients and their keys, as a person meets them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ml import bundle
from serving.last_served import LastServed, LastVersion
from tactful import cli
from tactful.home import QUIET
from tests.ml import rivals


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments, env={"TACTFUL_HOME": str(home), "COLUMNS": "40", **QUIET})


def test_a_key_s_name_is_told_whole_however_narrow_the_terminal_is(home: Path) -> None:
    call(home, "keys", "issue", "a-client-of-some-length", "--days", "90")
    listed = call(home, "keys", "list").output.splitlines()

    name, client, *_ = listed[1].split()
    assert client == "a-client-of-some-length"
    assert f"Key {name} of {client} is revoked." in call(home, "keys", "revoke", name).output
    assert name in call(home, "keys", "list").output


def test_a_threshold_of_a_model_that_is_not_served_is_refused_and_the_others_stay(home: Path) -> None:
    call(home, "clients", "set", "shop", 'thresholds={"popup_behaviour": 0.03}')
    refused = call(home, "clients", "set", "shop", 'thresholds={"foo": 0.03}')

    assert str(refused.exception) == "thresholds names foo; served are popup_behaviour, popup_profile."
    assert '"popup_behaviour": 0.03' in call(home, "clients", "show", "shop").output


def campaign(feature: str) -> str:
    return f'campaigns=[{{"name": "basket", "channel": "embed", "when": {{"{feature}": {{"at_least": 1}}}}}}]'


def test_a_campaign_by_a_feature_that_no_champion_reads_may_be_a_slip(home: Path) -> None:
    call(home, "keys", "issue", "shop")
    assert call(home, "clients", "set", "shop", campaign("page")).stderr == ""

    bundles = home / "decisions" / "bundles"
    digest = bundle.write(rivals.good(), bundles / "new", [])
    (bundles / "new").rename(bundles / digest)
    LastServed(bundles).write("popup_profile", {"champion": LastVersion("1", digest, 0.5)})

    told = "Campaign basket never fits: no champion that was served here reads page.\n"
    assert call(home, "clients", "set", "shop", campaign("page")).stderr == told
    assert call(home, "clients", "set", "shop", campaign("pages")).stderr == ""


def test_a_client_without_a_key_may_be_a_slip(home: Path) -> None:
    told = "No key of a client shop is good now: `tactful keys issue shop` gives it one."
    assert told in call(home, "clients", "set", "shop", "frequency_cap=2").stderr
    call(home, "keys", "issue", "shop")
    assert call(home, "clients", "set", "shop", "frequency_cap=2").stderr == ""


def test_a_client_for_whom_nothing_is_set_is_shown_the_defaults_and_may_be_a_slip(home: Path) -> None:
    nothing_set = "Nothing has been set for a client shop: these are the defaults.\n"
    no_key = "No key of a client shop is good now: `tactful keys issue shop` gives it one.\n"
    shown = call(home, "clients", "show", "shop")
    assert (shown.exit_code, shown.stderr) == (0, nothing_set + no_key)
    call(home, "keys", "issue", "shop")
    shown = call(home, "clients", "show", "shop")
    assert (shown.exit_code, shown.stderr) == (0, nothing_set)
    call(home, "clients", "set", "shop", "frequency_cap=2")
    assert call(home, "clients", "show", "shop").stderr == ""
