"""Where JSON breaks a rule of its type, and what would be right: worked out only once it is known that it does."""

import json
import re
import types
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Raw, Struct

_STEPS = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")


def explained(error: msgspec.ValidationError, body: bytes, kind: Any) -> tuple[str, str]:
    """The field of `body` that isn't as its type `kind` has it, and why not, with what would be right.

    Of enumerated values all are told, of another field what it is; then the value that stands there, cut to 100
    characters. Nothing is told of a visitor's id and of what may hold one: a list, an object, or what is no member.
    """
    detail, _, path = str(error).partition(" - at `")
    field, value, wanted = _found(path.rstrip("`") or "$", body, kind)
    if values := _values(wanted):
        return field, f"{f'It is {value}' if value else detail}; right are {', '.join(values)}."
    described = f" {description}" if (description := _description(wanted)) else ""
    return field, (f"{detail}; it is {value}." if value else f"{detail}.") + described


def _found(path: str, body: bytes, kind: Any) -> tuple[str, str, Any]:
    """The field at a `path` of msgspec's in `body`, what stands there as far as it may be told, and its type.

    Where a path names no member of a map, it is the first one that isn't of the map's type.
    """
    field, value, name = path.removeprefix("$").removeprefix("."), body, ""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, LookupError, StopIteration):
        for step in _STEPS.finditer(path):
            name, place = step.groups(default="")
            if place:
                kind, value = _type_within(kind, list, 0), _within(value, list[Raw], int(place))
            elif name:
                kind, value = _type_of_field(kind, name), _within(value, dict[str, Raw], name)
            else:
                kind = _type_within(kind, dict, 1)
                members = msgspec.json.decode(value, type=dict[str, Raw])
                name = next(name for name, member in members.items() if not _is(kind, member))
                field, value = field.replace("[...]", f".{name[:100]}", 1), bytes(members[name])
        if name and name != "user_pseudo_id" and not value.startswith((b"[", b"{")):
            return field, value.decode(errors="replace")[:100], kind
        return field, "", kind
    return field, "", None


def _arms(kind: Any) -> Iterator[Any]:
    """The types of which a value of type `kind` is one."""
    if get_origin(kind) is Annotated:
        yield from _arms(get_args(kind)[0])
    elif get_origin(kind) in (Union, types.UnionType):
        for arm in get_args(kind):
            yield from _arms(arm)
    else:
        yield kind


def _type_of_field(kind: Any, name: str) -> Any:
    structs = (arm for arm in _arms(kind) if isinstance(arm, type) and issubclass(arm, Struct))
    return next(hints[name] for hints in map(_hints, structs) if name in hints)


def _hints(struct: type[Struct]) -> dict[str, Any]:
    return get_type_hints(struct, include_extras=True)


def _type_within(kind: Any, container: type, place: int) -> Any:
    """Of what type the items of a list are, or the members of a map; a tuple is a list of any length here."""
    containers = (list, tuple) if container is list else (container,)
    return next(get_args(arm)[place] for arm in _arms(kind) if get_origin(arm) in containers)


def _values(kind: Any) -> list[str]:
    """All values of an enumerated type as JSON; none of another."""
    arms = list(_arms(kind))
    literals = [value for arm in arms if get_origin(arm) is Literal for value in get_args(arm)]
    members = [each.value for arm in arms if isinstance(arm, type) and issubclass(arm, Enum) for each in arm]
    listed = literals + members
    return [json.dumps(value) for value in listed + [None] * (type(None) in arms)] if listed else []


def _description(kind: Any) -> str:
    if get_origin(kind) is not Annotated:
        return ""
    wanted, *stated = get_args(kind)
    # what is said last is said of the field itself
    described = (each.description for each in reversed(stated) if isinstance(each, Meta) and each.description)
    return next(described, "") or _description(wanted)


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
