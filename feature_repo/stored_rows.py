"""What an online store holds of some entities; apart from the stores, so that the service can start without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Scalar = str | int | float | bool


@dataclass(frozen=True)
class StoredRows:
    """A view's rows of some entities: of each feature and of the time a value an entity, in the order asked.

    `feature_at` is the second since 1970, UTC, from which a row holds; 0 where the store holds none.
    """

    columns: Mapping[str, Sequence[Scalar | None]]
    feature_at: Sequence[int]


class OnlineReader(Protocol):
    """Reads fixed features of an online store."""

    def read(self, keys: Sequence[bytes]) -> Mapping[str, StoredRows]:
        """The rows of serialised entity keys, by view."""
        ...

    def read_at_once(self, keys: Sequence[bytes]) -> Mapping[str, StoredRows] | None:
        """The same within the reader's patience; None where something has to be opened first, which may take longer."""
        ...
