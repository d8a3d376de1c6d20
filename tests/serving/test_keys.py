"""Keys: the token is known to its client only."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.keys import IN_PAGES, Keyring, KeyScope, KeysError, ensure_local, issue, revoke

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def client_of(keyring: Keyring, token: str, now: datetime = NOW) -> str | None:
    key = keyring.key_of(token, now)
    return key.client if key else None


def test_a_key_s_scope_that_is_none_is_told_with_those_there_are(tmp_path: Path) -> None:
    issue(tmp_path / "keys.json", "shop", NOW, scopes=[KeyScope.DECIDE])
    stated = (tmp_path / "keys.json").read_text()
    (tmp_path / "keys.json").write_text(stated.replace('"decide"', '"decides"'))
    with pytest.raises(KeysError, match=r'scopes\[0\]: .*right are "decide", "live", "read", "feedback", "erase"'):
        Keyring.read(tmp_path / "keys.json")


def test_a_token_proves_its_client_and_no_other_does(tmp_path: Path) -> None:
    tokens = {client: issue(tmp_path / "keys.json", client, NOW) for client in ("shop", "blog")}
    keyring = Keyring.read(tmp_path / "keys.json")
    assert {client: client_of(keyring, token) for client, token in tokens.items()} == {
        "shop": "shop",
        "blog": "blog",
    }
    assert client_of(keyring, tokens["shop"] + "x") is None
    assert client_of(keyring, "") is None


def test_the_file_holds_no_token_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = issue(tmp_path / "keys.json", "shop", NOW)
    assert token not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_an_expired_key_is_no_key(tmp_path: Path) -> None:
    token = issue(tmp_path / "keys.json", "shop", NOW, expires_at=NOW + timedelta(hours=1))
    keyring = Keyring.read(tmp_path / "keys.json")
    assert client_of(keyring, token, NOW + timedelta(minutes=59)) == "shop"
    assert client_of(keyring, token, NOW + timedelta(hours=1)) is None


def test_two_keys_of_a_client_live_side_by_side(tmp_path: Path) -> None:
    tokens = [issue(tmp_path / "keys.json", "shop", NOW) for _ in range(2)]
    keyring = Keyring.read(tmp_path / "keys.json")
    assert [client_of(keyring, token) for token in tokens] == ["shop", "shop"]


def test_the_local_key_is_made_once_and_again_when_lost(tmp_path: Path) -> None:
    file, token_file = tmp_path / "decisions" / "keys.json", tmp_path / "decisions" / "local.key"
    ensure_local(file, token_file, NOW)
    first = token_file.read_text()
    ensure_local(file, token_file, NOW)
    assert token_file.read_text() == first
    assert token_file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    ensure_local(file, token_file, NOW)
    assert client_of(Keyring.read(file), token_file.read_text()) == "local"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('[{"client": "shop"}]')
    with pytest.raises(KeysError, match=r"keys\.json.*sha256"):
        Keyring.read(tmp_path / "keys.json")


def test_a_third_live_key_is_refused_until_one_is_revoked(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    first, second = (issue(file, "shop", NOW) for _ in range(2))
    named = Keyring.read(file).keys[0].key_id
    with pytest.raises(KeysError, match=f"2 live keys, {named} and"):
        issue(file, "shop", NOW)

    revoke(file, named, NOW)
    third = issue(file, "shop", NOW)

    keyring = Keyring.read(file)
    assert [client_of(keyring, token) for token in (first, second, third)] == [None, "shop", "shop"]


def test_a_revoked_key_stays_on_record_and_is_revoked_once(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    issue(file, "shop", NOW)
    (key,) = Keyring.read(file).keys
    revoke(file, key.key_id, NOW + timedelta(hours=1))
    assert [each.revoked_at for each in Keyring.read(file).keys] == [NOW + timedelta(hours=1)]
    with pytest.raises(KeysError, match="was revoked at 2026-03-01 01:00"):
        revoke(file, key.key_id, NOW)


@pytest.mark.parametrize("named", ["", "0", "no-such-key"])
def test_a_key_that_is_not_there_or_not_told_from_others_is_not_revoked(tmp_path: Path, named: str) -> None:
    file = tmp_path / "keys.json"
    issue(file, "shop", NOW)
    before = file.read_text()
    with pytest.raises(KeysError, match="keys are called"):
        revoke(file, named if named != "0" else Keyring.read(file).keys[0].sha256 + "0", NOW)
    assert file.read_text() == before


def test_a_lost_local_key_is_good_for_nothing_from_then_on(tmp_path: Path) -> None:
    file, token_file = tmp_path / "keys.json", tmp_path / "local.key"
    lost = []
    for _ in range(4):
        ensure_local(file, token_file, NOW)
        lost.append(token_file.read_text())
        token_file.unlink()
    keyring = Keyring.read(file)
    assert [client_of(keyring, token) for token in lost] == [None, None, None, "local"]


def test_a_key_of_an_earlier_version_is_good_for_everything_but_erasing(tmp_path: Path) -> None:
    token = issue(tmp_path / "keys.json", "shop", NOW)
    (key,) = Keyring.read(tmp_path / "keys.json").keys
    told = f'[{{"client": "shop", "sha256": "{key.sha256}", "created_at": "2026-01-01T00:00:00Z"}}]'
    (tmp_path / "keys.json").write_text(told)
    found = Keyring.read(tmp_path / "keys.json").key_of(token, NOW)
    assert found is not None
    assert set(found.scopes) == set(KeyScope) - {KeyScope.ERASE}


def test_erasing_has_to_be_asked_for_by_name_and_is_in_no_page(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    issue(file, "shop", NOW)
    issue(file, "shop", NOW, scopes=(KeyScope.ERASE,))
    ensure_local(file, tmp_path / "local.key", NOW)
    assert [KeyScope.ERASE in key.scopes for key in Keyring.read(file).keys] == [False, True, False]
    assert KeyScope.ERASE not in IN_PAGES


@pytest.mark.parametrize("client", ["", "Shop", "a shop", "shop\n", "../shop", "x" * 64])
def test_a_client_of_no_name_gets_no_key(tmp_path: Path, client: str) -> None:
    with pytest.raises(KeysError, match="names no client"):
        issue(tmp_path / "keys.json", client, NOW)


def test_keys_that_many_issue_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda number: issue(file, f"shop-{number}", NOW), range(32)))
    keyring = Keyring.read(file)
    assert [client_of(keyring, token) for token in tokens] == [f"shop-{number}" for number in range(32)]
