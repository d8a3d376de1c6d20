"""API keys: a client proves itself with a random token, of which only the SHA-256 is kept."""

import hashlib
import hmac
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

PREFIX = "tac_"
LOCAL_CLIENT = "local"


class KeysError(ValueError):
    """The file of keys can't be understood."""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client's key: the SHA-256 of its token, and until when it is good; null is for ever."""

    client: str
    sha256: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Keyring:
    """The keys of all clients."""

    keys: tuple[Key, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """The keys of `file`; none when there is no file.

        Raises:
            KeysError: the file is not a list of keys.
        """
        if not file.is_file():
            return cls(())
        try:
            return cls(msgspec.json.decode(file.read_bytes(), type=tuple[Key, ...]))
        except msgspec.DecodeError as error:
            raise KeysError(f"Key file {file} is no list of keys: {error}.") from None

    def client_of(self, token: str, now: datetime) -> str | None:
        """The client whose key `token` is; each key is compared, so that the time taken tells nothing."""
        sha256 = _sha256(token)
        good = [key for key in self.keys if hmac.compare_digest(key.sha256, sha256)]
        return next((key.client for key in good if key.expires_at is None or now < key.expires_at), None)


def issue(file: Path, client: str, now: datetime, expires_at: datetime | None = None) -> str:
    """Add a key of `client` to `file`; returns its token, which is written nowhere."""
    token = PREFIX + secrets.token_urlsafe(32)
    key = Key(client, _sha256(token), now, expires_at)
    _write(file, msgspec.json.format(msgspec.json.encode((*Keyring.read(file).keys, key))))
    return token


def ensure_local(file: Path, token_file: Path, now: datetime) -> None:
    """See that `token_file` holds a good token of the client `local`: a first start needs no set-up."""
    token = token_file.read_text().strip() if token_file.is_file() else ""
    if Keyring.read(file).client_of(token, now) != LOCAL_CLIENT:
        _write(token_file, issue(file, LOCAL_CLIENT, now).encode())


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # A temporary file is readable by its owner only, and keeps that when it takes the place of `file`.
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
        written.write(content)
    Path(written.name).replace(file)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
