"""What a client may ask, and the strict way from its bytes to a value."""

import json
import unicodedata
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serving.problems import RefusedError, invalid

BODY_LIMIT = 256 * 1024
EVENTS_LIMIT = 500
LARGEST_NUMBER = 2**53

Value = str | int | float | bool | None

# The bounds, 2000 and 2100, refuse seconds and milliseconds.
Microseconds = Annotated[
    int, Meta(ge=946_684_800_000_000, le=4_102_444_800_000_000, description="Microseconds since 1970, UTC.")
]
# `$` alone would let a final line feed through.
EventName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}(?!\n)$", description="GA4's event name.")]


class Event(Struct, frozen=True, forbid_unknown_fields=True):
    """One GA4 event of the live session."""

    event_name: EventName
    event_timestamp: Microseconds


class DecideRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A visitor at a moment: who, what is known of the session, and what happened in it."""

    user_pseudo_id: Annotated[str, Meta(min_length=1, max_length=128, description="GA4's device id.")]
    at: Annotated[Microseconds | None, Meta(description="Microseconds since 1970, UTC; null is now.")] = None
    profile: Annotated[dict[str, Value], Meta(description="Session features by name; those left out are null.")] = {}
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_LIMIT, description="The session's events.")] = ()
    model: Annotated[str, Meta(description="Whose champion decides.")] = "popup_behaviour"


_decoder = msgspec.json.Decoder(DecideRequest)


def decode(body: bytes) -> DecideRequest:
    """The request that `body` states, its text in Unicode's normal form NFC.

    Raises:
        RefusedError: the body is no JSON (400), or a field breaks a rule (422).
    """
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `")
        raise invalid(path.rstrip("`").removeprefix("$.") or "$", f"{detail}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_JSON", f"The body is not JSON in UTF-8: {error}.") from None
    # Only now: what the decoder took is three levels deep at most, so this parser can't run out of stack.
    json.loads(body, object_pairs_hook=_refuse_doubled)
    _refuse_unprintable(request.user_pseudo_id)
    for name, value in request.profile.items():
        _refuse_too_large(name, value)
    return msgspec.structs.replace(
        request,
        user_pseudo_id=_normal(request.user_pseudo_id),
        profile={name: _normal(value) if isinstance(value, str) else value for name, value in request.profile.items()},
    )


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise invalid(name[:100], "The field stands twice in one object; once is right.")
        seen.add(name)


def _refuse_unprintable(user_pseudo_id: str) -> None:
    if user_pseudo_id.isspace() or not user_pseudo_id.isprintable():
        raise invalid("user_pseudo_id", "It is blank or holds control or invisible characters; GA4's id has none.")


def _refuse_too_large(name: str, value: Value) -> None:
    if isinstance(value, int | float) and abs(value) > LARGEST_NUMBER:
        raise invalid(f"profile.{name[:100]}", "The number is too large; within 2^53 of 0 is right.")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)
