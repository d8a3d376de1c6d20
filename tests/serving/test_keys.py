"""Keys: the token is known to its client only."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.keys import Keyring, KeysError, ensure_local, issue

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_token_proves_its_client_and_no_other_does(tmp_path: Path) -> None:
    tokens = {client: issue(tmp_path / "keys.json", client, NOW) for client in ("shop", "blog")}
    keyring = Keyring.read(tmp_path / "keys.json")
    assert {client: keyring.client_of(token, NOW) for client, token in tokens.items()} == {
        "shop": "shop",
        "blog": "blog",
    }
    assert keyring.client_of(tokens["shop"] + "x", NOW) is None
    assert keyring.client_of("", NOW) is None


def test_the_file_holds_no_token_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = issue(tmp_path / "keys.json", "shop", NOW)
    assert token not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_an_expired_key_is_no_key(tmp_path: Path) -> None:
    token = issue(tmp_path / "keys.json", "shop", NOW, expires_at=NOW + timedelta(hours=1))
    keyring = Keyring.read(tmp_path / "keys.json")
    assert keyring.client_of(token, NOW + timedelta(minutes=59)) == "shop"
    assert keyring.client_of(token, NOW + timedelta(hours=1)) is None


def test_two_keys_of_a_client_live_side_by_side(tmp_path: Path) -> None:
    tokens = [issue(tmp_path / "keys.json", "shop", NOW) for _ in range(2)]
    keyring = Keyring.read(tmp_path / "keys.json")
    assert [keyring.client_of(token, NOW) for token in tokens] == ["shop", "shop"]


def test_the_local_key_is_made_once_and_again_when_lost(tmp_path: Path) -> None:
    file, token_file = tmp_path / "decisions" / "keys.json", tmp_path / "decisions" / "local.key"
    ensure_local(file, token_file, NOW)
    first = token_file.read_text()
    ensure_local(file, token_file, NOW)
    assert token_file.read_text() == first
    assert token_file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    ensure_local(file, token_file, NOW)
    assert Keyring.read(file).client_of(token_file.read_text(), NOW) == "local"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('[{"client": "shop"}]')
    with pytest.raises(KeysError, match=r"keys\.json.*sha256"):
        Keyring.read(tmp_path / "keys.json")
