"""API keys: a client proves itself with a random token, of which only the SHA-256 is kept."""

import fcntl
import hashlib
import hmac
import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec

from serving import breaches

PREFIX = "tac_"
LOCAL_CLIENT = "local"
MOST_LIVE = 2
"""Live keys of a client: the one in use and the one that takes its place."""

_CLIENT = re.compile("[a-z0-9][a-z0-9_.-]{0,62}")


class KeysError(ValueError):
    """The file of keys can't be understood, or what is asked of it can't be done."""


class KeyScope(StrEnum):
    """What a key lets its client do."""

    DECIDE = "decide"
    """Ask for decisions."""
    LIVE = "live"
    """Tell what happens in live sessions, ask at their exit, and listen to their flags."""
    READ = "read"
    """Read decisions again."""
    FEEDBACK = "feedback"
    """Tell what became of them."""
    ERASE = "erase"
    """Have visitors forgotten, in whatever any client has told of them."""


UNNAMED = (KeyScope.DECIDE, KeyScope.LIVE, KeyScope.READ, KeyScope.FEEDBACK)
"""The scopes of a key that was issued without naming any: what can't be taken back is asked for by name."""

IN_PAGES = (KeyScope.LIVE, KeyScope.FEEDBACK)
"""The scopes of a key that everybody can read who opens a page."""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client's key: the SHA-256 of its token, what it is good for, and until when; null is for ever."""

    client: str
    sha256: str
    created_at: datetime
    expires_at: datetime | None = None
    scopes: tuple[KeyScope, ...] = UNNAMED
    revoked_at: datetime | None = None

    @property
    def key_id(self) -> str:
        """By which a person names the key; nobody gets from it to the token."""
        return self.sha256[:12]

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_NO_KEY = Key("", hashlib.sha256(b"").hexdigest(), datetime.min, scopes=())


@dataclass(frozen=True)
class Keyring:
    """The keys of all clients."""

    keys: tuple[Key, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """The keys of `file`; none when there is no file.

        Raises:
            KeysError: the file is not a list of keys.
            OSError: it can't be read.
        """
        if not file.is_file():
            return cls(())
        content = file.read_bytes()
        try:
            return cls(msgspec.json.decode(content, type=tuple[Key, ...]))
        except msgspec.ValidationError as error:
            field, told = breaches.explained(error, content, tuple[Key, ...])
            raise KeysError(f"Key file {file} is no list of keys{f': at {field}' if field else ''}: {told}") from None
        except msgspec.DecodeError as error:
            raise KeysError(f"Key file {file} is no list of keys: {error}.") from None

    def key_of(self, token: str, now: datetime) -> Key | None:
        """The live key whose token `token` is.

        It is looked up by its SHA-256, so that the time taken tells nothing of the tokens; hashes are compared in the
        same time whether there is such a key or not.
        """
        sha256 = _sha256(token)
        found = self._by_sha256.get(sha256, _NO_KEY)
        return found if hmac.compare_digest(found.sha256, sha256) and found.is_live(now) and found.client else None

    @cached_property
    def _by_sha256(self) -> dict[str, Key]:
        return {key.sha256: key for key in self.keys}

    def live(self, client: str, now: datetime) -> list[Key]:
        """The live keys of a client, the oldest first."""
        return [key for key in self.keys if key.client == client and key.is_live(now)]


def check_client(name: str) -> None:
    """Refuse what no client may be called.

    Raises:
        KeysError: says what would be right.
    """
    if not _CLIENT.fullmatch(name):
        raise KeysError(f"{name!r} names no client; up to 63 small letters, digits and signs of ._- are right.")


def issue(
    file: Path,
    client: str,
    now: datetime,
    expires_at: datetime | None = None,
    scopes: Sequence[KeyScope] = UNNAMED,
) -> str:
    """Add a key of `client` to `file`; returns its token, which is written nowhere.

    Raises:
        KeysError: the client's name is none, or MOST_LIVE of its keys are live.
    """
    key, token = made(client, now, expires_at, scopes)
    with _turn(file):
        keyring = Keyring.read(file)
        if len(live := keyring.live(client, now)) >= MOST_LIVE:
            told = " and ".join(each.key_id for each in live)
            raise KeysError(f"{client} has {len(live)} live keys, {told}: revoke one of them first.")
        _write(file, (*keyring.keys, key))
    return token


def revoke(file: Path, key_id: str, now: datetime) -> Key:
    """Make the key that begins with `key_id` good for nothing from now on; returns it.

    Raises:
        KeysError: no key, or more than one, begins so, or it is revoked already.
    """
    with _turn(file):
        keyring = Keyring.read(file)
        named = [key for key in keyring.keys if key.sha256.startswith(key_id)] if key_id else []
        if len(named) != 1:
            raise KeysError(f"{len(named)} keys are called {key_id!r}; `tactful keys list` tells what each is called.")
        if named[0].revoked_at is not None:
            raise KeysError(f"Key {key_id} of {named[0].client} was revoked at {named[0].revoked_at:%Y-%m-%d %H:%M}.")
        revoked = msgspec.structs.replace(named[0], revoked_at=now)
        _write(file, tuple(revoked if key is named[0] else key for key in keyring.keys))
    return revoked


def ensure_local(file: Path, token_file: Path, now: datetime) -> None:
    """See that `token_file` holds a good token of the client `local`: a first start needs no set-up."""
    with _turn(file):
        keyring = Keyring.read(file)
        shown = keyring.key_of(token_file.read_text().strip() if token_file.is_file() else "", now)
        if shown is None or shown.client != LOCAL_CLIENT:
            key, token = made(LOCAL_CLIENT, now)
            # nobody knows the token of an earlier one any more
            lost = keyring.live(LOCAL_CLIENT, now)
            keys = [msgspec.structs.replace(each, revoked_at=now) if each in lost else each for each in keyring.keys]
            _write(file, (*keys, key))
            _replace(token_file, token.encode())


def made(
    client: str, now: datetime, expires_at: datetime | None = None, scopes: Sequence[KeyScope] = UNNAMED
) -> tuple[Key, str]:
    """A new key of `client`, and its token.

    Raises:
        KeysError: the client's name is none.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    check_client(client)
    return Key(client, _sha256(token), now, expires_at, tuple(dict.fromkeys(scopes))), token


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """While the block runs, no other process changes `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(file: Path, keys: Sequence[Key]) -> None:
    _replace(file, msgspec.json.format(msgspec.json.encode(keys)))


def _replace(file: Path, content: bytes) -> None:
    # A temporary file is readable by its owner only, and keeps that when it takes the place of `file`.
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
        written.write(content)
    Path(written.name).replace(file)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
