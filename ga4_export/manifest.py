"""What is known of a landed day: its files by content, and where each of their rows went."""

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec


@dataclass(frozen=True)
class SourceFile:
    """A file of an export, by its content, with where its rows went; size in bytes.

    `rows_read = rows_loaded + rows_duplicate + rows_quarantined + rows_suppressed`, or `is_conserved` is false.
    """

    name: str
    size: int
    sha256: str
    rows_read: int
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    rows_suppressed: int = 0

    @property
    def is_conserved(self) -> bool:
        return self.rows_read == (self.rows_loaded + self.rows_duplicate + self.rows_quarantined + self.rows_suppressed)


@dataclass(frozen=True)
class LandedDay:
    """A landed day.

    `kind` is the export table it came from (daily, fresh or intraday), `known_at` when its newest delivery was known,
    `rows_new` and `rows_gone` what that delivery changed, `privacy` the digest of how its rows were kept, `landed_at`
    when that was, in seconds since 1970.
    """

    day: str
    kind: str
    files: tuple[SourceFile, ...]
    reasons: dict[str, int]
    signals: dict[str, int]
    streams: tuple[str, ...]
    columns_unknown: tuple[str, ...]
    columns_absent: tuple[str, ...]
    known_at: str
    rows_new: int
    rows_gone: int
    privacy: str
    landed_at: float
    is_new: bool = True

    @property
    def rows_read(self) -> int:
        return sum(file.rows_read for file in self.files)

    @property
    def rows_loaded(self) -> int:
        return sum(file.rows_loaded for file in self.files)

    @property
    def rows_quarantined(self) -> int:
        return sum(file.rows_quarantined for file in self.files)

    @property
    def digests(self) -> list[str]:
        """The contents of the files, in an order that does not depend on their names."""
        return sorted(file.sha256 for file in self.files)

    @property
    def known(self) -> datetime:
        """`known_at` as a time."""
        return datetime.fromisoformat(self.known_at)

    def unchanged(self) -> "LandedDay":
        """The same day, left alone by a landing."""
        return replace(self, is_new=False)

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode()

    @classmethod
    def from_json(cls, text: str) -> "LandedDay | None":
        """The day that `text` states; None where it is no such statement."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.ValidationError:
            return None
