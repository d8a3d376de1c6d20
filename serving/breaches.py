"""Where a body of JSON breaks a rule: worked out only once it is known that it does."""

import json
import re
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw


def found(path: str, body: bytes, of_members: Any) -> tuple[str, str]:
    """The field at a `path` of msgspec's in `body`, and what stands there, cut to 100 characters.

    Where a path names no member of a map, it is the first one that isn't of the type `of_members`. Nothing is told
    of a visitor's id and of what may hold one: a list, an object, or what is no member.
    """
    field, value, name = path.removeprefix("$").removeprefix("."), body, ""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, LookupError, StopIteration):
        for name, place in re.findall(r"\.(\w+)|\[(\d+)\]", path):
            value = _within(value, dict[str, Raw], name) if name else _within(value, list[Raw], int(place))
        if path.endswith("[...]"):
            members = msgspec.json.decode(value, type=dict[str, Raw])
            name = next(name for name, member in members.items() if not _is(of_members, member))
            field, value = f"{field.removesuffix('[...]')}.{name[:100]}", bytes(members[name])
        if name and name != "user_pseudo_id" and not value.startswith((b"[", b"{")):
            return field, value.decode(errors="replace")[:100]
    return field, ""


def _within(body: bytes, kind: Any, place: str | int) -> bytes:
    return bytes(msgspec.json.decode(body, type=kind)[place])


def _is(wanted: Any, body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError:
        return False
    return True


def doubled(body: bytes) -> str:
    """The path to the first member that stands twice in one object of `body`; empty where none does."""
    try:
        _seeker.decode(body.decode())
    except _DoubledError:
        return _path_to_doubled(_pairs_decoder.decode(body.decode())).removeprefix(".")
    return ""


class _DoubledError(Exception):
    """An object has two members of one name."""


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _DoubledError


def _path_to_doubled(value: Any) -> str:
    """The path to the first member of `value` that stands twice; objects in it are tuples of their members."""
    if isinstance(value, tuple):
        seen: set[str] = set()
        for name, member in value:
            if name in seen or (path := _path_to_doubled(member)):
                return f".{name[:100]}" + ("" if name in seen else path)
            seen.add(name)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            if path := _path_to_doubled(each):
                return f"[{place}]{path}"
    return ""


_seeker = json.JSONDecoder(object_pairs_hook=_refuse_doubled)
_pairs_decoder = json.JSONDecoder(object_pairs_hook=tuple)
