"""Users who asked to be erased: kept as keyed digests, so that the list names nobody."""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ga4_export import whole
from ga4_export.privacy import hmac_sql, pseudonym

ERASED = "erased.json"


@dataclass(frozen=True)
class Erased:
    """Users whose rows are suppressed wherever they come from."""

    key: str = field(repr=False)
    digests: frozenset[str] = frozenset()

    @classmethod
    def read(cls, file: Path) -> "Erased":
        """The list of `file`; an empty one with a fresh key where there is none."""
        if not file.is_file():
            return cls(secrets.token_hex(32))
        stated = json.loads(file.read_text())
        return cls(stated["key"], frozenset(stated["digests"]))

    def write(self, file: Path) -> None:
        """Keep the list in `file`, for its owner alone."""
        with whole.written(file) as partial:
            partial.touch()
            partial.chmod(0o600)
            partial.write_text(json.dumps({"key": self.key, "digests": sorted(self.digests)}))

    def adding(self, user_pseudo_id: str) -> "Erased":
        """The list with one user more."""
        return Erased(self.key, self.digests | {pseudonym(self.key, user_pseudo_id)})

    def holds(self, user_pseudo_id: str) -> bool:
        return pseudonym(self.key, user_pseudo_id) in self.digests

    @property
    def condition(self) -> str:
        """SQL that is true of an exported row of such a user."""
        if not self.digests:
            return "false"
        listed = ", ".join(f"'{digest}'" for digest in sorted(self.digests))
        return f"coalesce({hmac_sql(self.key, 'user_pseudo_id')} in ({listed}), false)"
