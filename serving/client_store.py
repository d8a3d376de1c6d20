"""Where clients' settings are kept: each change a row with who made it and when; the last one of a client holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ml import append_only
from serving.clients import Clients, ClientSettings, stated
from serving.keys import check_client

# any number that no other program of the database takes
_POSTGRES_LOCK = 0x7AC7_F02
_CHANGES = Table(
    "client_changes",
    MetaData(),
    Column("row_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("client", String, nullable=False, index=True),
    Column("asked_by", String, nullable=False),
    Column("changed", JSON, nullable=False, comment="by field, the value before and after"),
    Column("document", JSON, nullable=False, comment="all settings from then on"),
)


class ClientsUnavailableError(OSError):
    """The record of clients' settings can't be read or written now."""


@dataclass(frozen=True)
class Change:
    """What somebody changed of a client's settings at an instant, UTC: by field, the JSON value before and after."""

    client: str
    at: datetime
    asked_by: str
    changed: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class ClientStore:
    """The record in the database at an SQLAlchemy URL, SQLite or Postgres; the first change makes it."""

    url: str = field(repr=False)

    def read(self) -> Clients:
        """The settings of all clients.

        Raises:
            ClientsError: a document is of a kind that this version doesn't know.
            ClientsUnavailableError: the database can't be read.
        """
        last = select(func.max(_CHANGES.c.row_id)).group_by(_CHANGES.c.client)
        rows = self._rows(select(_CHANGES).where(_CHANGES.c.row_id.in_(last)))
        return Clients({row["client"]: stated(row["document"], row["client"]) for row in rows})

    def changes(self, client: str) -> Sequence[Change]:
        """What was changed of a client's settings, the earliest first.

        Raises:
            ClientsUnavailableError: the database can't be read.
        """
        rows = self._rows(select(_CHANGES).where(_CHANGES.c.client == client).order_by(_CHANGES.c.row_id))
        return [
            Change(
                client,
                row["at"].replace(tzinfo=UTC),
                row["asked_by"],
                {name: (before, after) for name, (before, after) in row["changed"].items()},
            )
            for row in rows
        ]

    def set(self, client: str, fields: Mapping[str, Any], asked_by: str, at: datetime) -> ClientSettings:
        """Give some of a client's settings new values, None for its default, and put that on record; returns them all.

        Raises:
            KeysError: the client's name is none.
            ClientsError: a field is unknown or wrong.
            ClientsUnavailableError: the database can't be written, and nothing has changed.
        """
        check_client(client)
        unset = {name for name, value in fields.items() if value is None and name in ClientSettings.__struct_fields__}
        fields = {name: value for name, value in fields.items() if name not in unset}
        stated(fields, client)
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            # who changes another field meanwhile must not undo this one
            with append_only.turn(self.url, _CHANGES, _POSTGRES_LOCK):
                before: dict[str, Any] = msgspec.to_builtins(self.read().of(client))
                kept = {name: value for name, value in before.items() if name not in unset}
                settings = stated({**kept, **fields}, client)
                document: dict[str, Any] = msgspec.to_builtins(settings)
                changed = {name: (before[name], document[name]) for name in document if document[name] != before[name]}
                if changed:
                    row = {"client": client, "asked_by": asked_by, "changed": changed, "document": document}
                    with append_only.engine(self.url).begin() as connection:
                        connection.execute(
                            insert(_CHANGES).values({**row, "at": at.astimezone(UTC).replace(tzinfo=None)})
                        )
        except SQLAlchemyError as error:
            raise _unavailable(error) from error
        return settings

    @property
    def _file(self) -> Path | None:
        address = make_url(self.url)
        return Path(address.database or "") if address.get_backend_name() == "sqlite" else None

    def _rows(self, asked: Any) -> Sequence[Mapping[Any, Any]]:
        # SQLite would make the file that isn't there
        if self._file and not self._file.is_file():
            return []
        try:
            with append_only.engine(self.url).connect() as connection:
                if not inspect(connection).has_table(_CHANGES.name):
                    return []
                return connection.execute(asked).mappings().all()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error


def _unavailable(error: SQLAlchemyError) -> ClientsUnavailableError:
    return ClientsUnavailableError(f"Clients' settings can't be read or written: {type(error).__name__}.")
