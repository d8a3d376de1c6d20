"""The champion's seat of a model with three versions, and what has been moved on it."""

from ml.promotion import Order, Seat
from ml.registry import Registry
from tests.ml import rivals

ORDER = Order("a test", "to see", {"rows": 3})


def seat_of_three(registry: Registry, test: str) -> Seat:
    """Three versions of a model of the test's own, of which nobody is champion."""
    name = "".join(sign for sign in test if sign.isalnum())
    for _ in range(3):
        rivals.add_version(registry, name, rivals.good())
    return Seat(registry, name)


def champion_of(seat: Seat) -> str | None:
    """The version that sits there."""
    found = seat.registry.champion(seat.model)
    return found.version if found else None


def moves_on(seat: Seat) -> list[tuple[str, str | None, str | None, str]]:
    """Each move: its kind, from which version, to which, and who asked."""
    return [
        (str(move.kind), move.from_version, move.to_version, move.asked_by) for move in seat.ledger.moves(seat.model)
    ]
