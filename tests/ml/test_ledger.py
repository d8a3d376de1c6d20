"""The ledger on SQLite and, where its programs are, on a real Postgres."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from ml.ledger import Kind, Ledger, Move, State
from tests.postgres_server import postgres_server, programs

OTHERS = {
    "sqlite": "insert or replace into champion_moves select * from champion_moves limit 1",
    "postgresql": "truncate champion_moves",
}
"""What else would change a row, as each database says it."""

TUESDAY = datetime(2026, 11, 17, 14, 3, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    if request.param == "sqlite":
        yield _made(Ledger(f"sqlite:///{tmp_path_factory.mktemp('home')}/ledger.db"))
    elif programs() is None:
        pytest.skip("the server programs of Postgres are not installed")
    else:
        with postgres_server() as address:
            yield _made(Ledger(address.replace("postgresql://", "postgresql+psycopg2://")))


def _made(ledger: Ledger) -> Ledger:
    with ledger.turn():
        return ledger


def _move(model: str, kind: Kind, before: str | None, after: str | None, at: datetime = TUESDAY) -> Move:
    digests = [version and version * 64 for version in (before, after)]
    return Move(model, kind, State.DONE, before, digests[0], after, digests[1], "Ada", "because", {"rows": 3}, at)


def test_the_database_itself_refuses_to_change_what_is_on_record(ledger: Ledger) -> None:
    on_record = ledger.append(_move("kept", Kind.PROMOTE, None, "1"))
    engine = create_engine(ledger.url)

    for change in (
        "update champion_moves set asked_by = 'nobody'",
        "delete from champion_moves",
        OTHERS[engine.dialect.name],
    ):
        with pytest.raises(DatabaseError, match="appended to alone"), engine.begin() as connection:
            connection.execute(text(change))

    assert ledger.moves("kept") == [on_record]


def test_a_move_comes_back_as_it_was_put_on_record(ledger: Ledger) -> None:
    vienna = timezone(timedelta(hours=1))
    moved = ledger.append(_move("round trip", Kind.PROMOTE, "1", "2", TUESDAY.astimezone(vienna)))

    assert ledger.moves("round trip") == [moved]
    assert str(moved) == "promote of round trip from 1 to 2, asked by Ada: because"


def test_who_was_live_is_known_at_any_instant(ledger: Ledger) -> None:
    moves = [
        ledger.append(_move("live", kind, before, after, TUESDAY + timedelta(hours=hour)))
        for hour, (kind, before, after) in enumerate(
            [(Kind.PROMOTE, None, "1"), (Kind.PROMOTE, "1", "2"), (Kind.RETIRE, "2", None)]
        )
    ]

    at = [timedelta(seconds=-1), timedelta(0), timedelta(minutes=59), timedelta(hours=1), timedelta(hours=2)]
    assert [ledger.live_at("live", TUESDAY + after) for after in at] == [None, moves[0], moves[0], moves[1], moves[2]]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ("", None),
        ("promote:1", None),
        ("promote:1 promote:2", "1"),
        ("promote:1 promote:2 rollback:1", None),
        ("promote:1 promote:2 promote:3 rollback:2", "1"),
        ("promote:1 promote:2 rollback:1 promote:3", "1"),
        ("promote:1 retire: promote:2", "1"),
        ("found:1 promote:2", "1"),
        ("promote:1 retire: promote:1", None),
        ("promote:1 promote:2 retire: promote:2", "1"),
    ],
)
def test_the_predecessor_is_one_step_down_whatever_happened(tmp_path: Path, moves: str, expected: str | None) -> None:
    ledger = _made(Ledger(f"sqlite:///{tmp_path}/ledger.db"))
    now = None
    for told in moves.split():
        kind, _, version = told.partition(":")
        ledger.append(_move("m", Kind(kind), now, version or None))
        now = version or None

    assert ledger.predecessor("m") == expected


def test_a_move_is_unsettled_until_somebody_says_how_it_ended(ledger: Ledger) -> None:
    intended = ledger.append(Move("open", Kind.PROMOTE, State.INTENDED, None, None, "1", "d", "Ada", ""))
    assert (ledger.unsettled("open"), ledger.moves("open")) == ([intended], [])

    done = ledger.settle(intended, State.DONE)
    assert (ledger.unsettled("open"), ledger.moves("open")) == ([], [done])
    assert done.at == intended.at


def test_who_wants_a_turn_waits_for_the_end_of_the_other_s(ledger: Ledger) -> None:
    turns = []

    def take() -> None:
        with ledger.turn():
            turns.append("second")

    other = threading.Thread(target=take)
    with ledger.turn():
        other.start()
        other.join(0.3)
        turns.append("first")
    other.join(60)

    assert turns == ["first", "second"]


def test_a_ledger_that_is_not_there_yet_has_no_moves(tmp_path: Path) -> None:
    assert Ledger(f"sqlite:///{tmp_path}/ledger.db").moves("m") == []
