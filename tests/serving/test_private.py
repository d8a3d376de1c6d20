"""What holds visitors' ids is readable by its owner alone, from when it is made."""

from pathlib import Path

from serving.audit import AuditLog
from serving.private import make_private
from serving.session_file import SavedSession, SessionFile


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_the_record_and_its_log_are_their_owner_s_alone(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "decisions" / "decisions.sqlite") as audit:
        audit.check()
        found = modes(tmp_path / "decisions")

    assert {"decisions.sqlite", "decisions.sqlite-wal"} <= found.keys()
    assert set(found.values()) == {0o600}


def test_so_are_the_live_sessions(tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "decisions" / "sessions.sqlite")
    file.write([SavedSession("k", "u", 1, b"")], ())

    assert modes(tmp_path / "decisions")["sessions.sqlite"] == 0o600


def test_what_somebody_has_opened_to_others_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "decisions.sqlite"
    file.touch()
    file.chmod(0o640)

    make_private(file)

    assert modes(tmp_path) == {"decisions.sqlite": 0o640}
