"""Users for whom the decision service was asked to erase them: erased together, and blanked where that was asked."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rich.console import Console

from serving import erasures
from serving.audit import AuditLog
from serving.erasures import Erasures
from serving.session_file import SavedSession, SessionFile
from tactful import home
from tactful.erase import asked, erase
from tactful.erasures import begin_with, erase_asked
from tactful.landing import landing_of
from tactful.settings import Settings, SettingsError
from tactful.source import source_of
from tactful.stores import decision_record
from tests.conftest import gcp_settings, tactful
from tests.ga4_export.matrix import landed_rows
from tests.tactful.test_erase_refused import KEYED, _home

KEY, OTHER_KEY = KEYED["pseudonym_key"], "fedcba9876543210" * 2
USERS = ("1.1", "222.222", "333.333")


def keyed(settings: Settings, key: str | None) -> Settings:
    return Settings.model_validate({"home": settings.home, **({"pseudonym_key": key} if key else {})})


def ask(settings: Settings, *users: str, client: str = "shop") -> None:
    """As the service does, under the key of `settings`."""
    with AuditLog(decision_record(settings)) as audit:
        for user in users:
            Erasures(audit).ask(client, user, landing_of(settings).privacy.stored_id(user))


def holding(folder: Path, needles: Sequence[str]) -> list[str]:
    """The files of the home that hold one of some ids; Parquet may hide none, since rows of it are looked at apart."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".parquet"]
    return [file.name for file in files if any(needle.encode() in file.read_bytes() for needle in needles)]


def test_all_who_asked_are_erased_in_one_go_and_then_nobody_is_left(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    ask(settings, "1.1", "222.222")
    ask(settings, "222.222", client="blog")

    told = tactful("erase", "--asked", home=settings.home)

    assert told.returncode == 0, told.stderr
    assert "1  landed" in told.stdout
    (file,) = (settings.home / "erasures").glob("*.json")
    assert len(json.loads(file.read_text())["user_digests"]) == 2
    assert landed_rows(landing_of(settings)) == []
    assert all(landing_of(settings).erased.holds(user) for user in ("1.1", "222.222"))
    assert "Nobody is to be erased" in tactful("erase", "--asked", home=settings.home).stdout
    with closing(sqlite3.connect(decision_record(settings))) as record:
        kept = record.execute("select client, user_pseudo_id, stored_id, done_at > asked_at from erasures").fetchall()
    assert sorted(kept) == [("blog", "(erased)", "(erased)", 1), *[("shop", "(erased)", "(erased)", 1)] * 2]


@given(
    users=st.lists(st.sampled_from(USERS), max_size=4),
    key_then=st.sampled_from([None, KEY, OTHER_KEY]),
    key_now=st.sampled_from([None, KEY]),
)
@examples(max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_holds_who_asked_under_whatever_key_that_was_and_all_others_stay(
    tmp_path_factory: pytest.TempPathFactory, users: list[str], key_then: str | None, key_now: str | None
) -> None:
    plain = Settings(home=tmp_path_factory.mktemp("asked"))
    home.prepare(plain)
    home.adopt(plain, source_of(plain))
    then, now = keyed(plain, key_then), keyed(plain, key_now)
    stored = {user: landing_of(then).privacy.stored_id(user) for user in USERS}
    sessions = [SavedSession(f"session of {user}", each, 1, each.encode()) for user, each in stored.items()]
    SessionFile(plain.home / "decisions" / "sessions.sqlite").write(sessions, ())
    ask(then, *users)

    erase_asked(now, Console(file=StringIO()))

    assert holding(plain.home, [each for user in users for each in (user, stored[user])]) == []
    with closing(sqlite3.connect(plain.home / "decisions" / "sessions.sqlite")) as kept:
        left = {user for (user,) in kept.execute("select user_pseudo_id from sessions").fetchall()}
    assert left == {stored[user] for user in USERS if user not in users}


def test_who_is_erased_by_name_has_no_wish_left_and_others_have(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    ask(settings, "1.1", "222.222")

    erase(settings, "1.1", Console(file=StringIO()))

    assert [wish.user_pseudo_id for wish in erasures.to_do(decision_record(settings))] == ["222.222"]


def test_who_asked_of_an_earlier_export_is_erased_too(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    ask(settings, "1.1")
    earlier = settings.home / "earlier" / "other-1"
    earlier.mkdir(parents=True)
    (settings.home / "decisions").rename(earlier / "decisions")

    outcome = begin_with(settings)

    assert outcome is not None
    assert outcome.told.startswith("Erased: 1 user for whom that was asked; the receipt is ")
    assert asked(settings) == {}
    assert begin_with(settings) is None


def test_what_can_not_be_done_as_a_run_begins_stays_to_be_done(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    ask(settings, "1.1")
    file = settings.home / "feature_store" / "online_store.db"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as other:
        other.execute("begin immediate")
        outcome = begin_with(settings)

    assert outcome is not None
    assert not outcome.is_done
    assert outcome.told.endswith(f"{file} is in use by another process: stop it, and erase again.")
    assert [wish.user_pseudo_id for wish in erasures.to_do(decision_record(settings))] == ["1.1"]


def test_a_record_that_can_not_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    record = decision_record(settings)
    record.parent.mkdir()
    record.write_bytes(b"no database" * 100)

    outcome = begin_with(settings)

    assert outcome is not None
    assert f"{record}, which says who is to be erased, can't be read: file is not a database." in outcome.told


def test_on_bigquery_the_wish_stays_and_it_is_told_what_to_delete(tmp_path: Path) -> None:
    settings = gcp_settings(tmp_path)
    ask(settings, "1.1")

    with pytest.raises(SettingsError, match=r"delete the user's rows from analytics_1\.events_\*"):
        erase_asked(settings, Console(file=StringIO()))

    outcome = begin_with(settings)
    assert outcome is not None
    assert (outcome.is_done, outcome.told.startswith("Still to be erased: 1 user; ")) == (False, True)
    assert len(asked(settings)[decision_record(settings)]) == 1


def test_either_a_user_is_named_or_all_who_asked(tmp_path: Path) -> None:
    for arguments in ((), ("1.1", "--asked")):
        told = tactful("erase", *arguments, home=tmp_path)
        assert (told.returncode, "say --asked" in told.stderr) == (2, True)


def test_doctor_tells_how_many_are_to_be_erased(tmp_path: Path) -> None:
    settings = _home(tmp_path)
    ask(settings, "1.1", "222.222")

    told = " ".join(tactful("doctor", home=settings.home).stdout.split())

    assert "users to erase" in told
    assert "2 requests" in told
