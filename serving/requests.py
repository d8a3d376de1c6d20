"""What a client may ask, and the strict way from its bytes to a value."""

import json
import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from serving.problems import RefusedError, invalid

BODY_LIMIT = 256 * 1024
BATCH_BODY_LIMIT = 8 * 1024 * 1024
BATCH_LIMIT = 500
EVENTS_LIMIT = 500
LARGEST_NUMBER = 2**53

Value = str | int | float | bool | None

# The bounds, 2000 and 2100, refuse seconds and milliseconds.
Microseconds = Annotated[
    int, Meta(ge=946_684_800_000_000, le=4_102_444_800_000_000, description="Microseconds since 1970, UTC.")
]
# `$` alone would let a final line feed through.
EventName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}(?!\n)$", description="GA4's event name.")]


class Stated(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a client states: encoded again, it holds no member that the client left out."""


class Event(Stated, frozen=True):
    """One GA4 event of the live session."""

    event_name: EventName
    event_timestamp: Microseconds


class DecideRequest(Stated, frozen=True):
    """A visitor at a moment: who, what is known of the session, and what happened in it."""

    user_pseudo_id: Annotated[str, Meta(min_length=1, max_length=128, description="GA4's device id.")]
    at: Annotated[Microseconds | None, Meta(description="Microseconds since 1970, UTC; null is now.")] = None
    profile: Annotated[dict[str, Value], Meta(description="Session features by name; those left out are null.")] = {}
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_LIMIT, description="The session's events.")] = ()
    model: Annotated[str, Meta(description="Whose champion decides.")] = "popup_behaviour"
    campaign: Annotated[str | None, Meta(description="Whose pop-up it would be, one of the client's own.")] = None


class SessionEvents(Stated, frozen=True):
    """What happened in a live session since the last request, and what more is known of it."""

    user_pseudo_id: Annotated[str, Meta(min_length=1, max_length=128, description="GA4's device id.")]
    profile: Annotated[dict[str, Value], Meta(description="Session features by name; kept until told anew.")] = {}
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_LIMIT, description="The new events.")] = ()


Batch = Annotated[tuple[DecideRequest, ...], Meta(min_length=1, description=f"Up to {BATCH_LIMIT} requests.")]

_NUMBERS = int, float
_encode = msgspec.json.Encoder().encode
_request_decoder = msgspec.json.Decoder(DecideRequest)
_batch_decoder: msgspec.json.Decoder[tuple[DecideRequest, ...]] = msgspec.json.Decoder(Batch)
_events_decoder = msgspec.json.Decoder(SessionEvents)
_Stated = TypeVar("_Stated", bound=Stated | tuple[Stated, ...])
_Visitor = TypeVar("_Visitor", DecideRequest, SessionEvents)


def decode(body: bytes) -> DecideRequest:
    """The request that `body` states, its text in Unicode's normal form NFC.

    Raises:
        RefusedError: the body is no JSON (400), lists too many events (413), or a field breaks a rule (422).
    """
    return _checked(stated(body, _request_decoder))


def decode_batch(body: bytes) -> list[DecideRequest]:
    """The requests that `body` lists, as `decode` would give each.

    Raises:
        RefusedError: the body is no JSON (400), lists too many requests or events (413), or breaks a rule (422).
    """
    requests = stated(body, _batch_decoder)
    if len(requests) > BATCH_LIMIT:
        detail = f"It lists {len(requests)} requests; at most {BATCH_LIMIT} are taken at once."
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BATCH_TOO_LARGE", detail)
    return [_checked(request, f"[{place}].") for place, request in enumerate(requests)]


def decode_events(body: bytes) -> SessionEvents:
    """The events that `body` states, its text in Unicode's normal form NFC; refuses as `decode` does."""
    return _checked(stated(body, _events_decoder))


def body_too_large() -> RefusedError:
    """The refusal of a body that is longer than BODY_LIMIT."""
    detail = f"At most {BODY_LIMIT // 1024} KB are taken, and {EVENTS_LIMIT} events."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BODY_TOO_LARGE", detail)


def batch_too_large() -> RefusedError:
    """The refusal of a body that is longer than BATCH_BODY_LIMIT."""
    detail = f"At most {BATCH_BODY_LIMIT // 1024**2} MB are taken, and {BATCH_LIMIT} requests."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BODY_TOO_LARGE", detail)


def stated(body: bytes, decoder: msgspec.json.Decoder[_Stated]) -> _Stated:
    """What `body` states.

    Raises:
        RefusedError: the body is no JSON (400), lists too many events (413), or a field breaks a rule (422).
    """
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(error, body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_JSON", f"The body is not JSON in UTF-8: {error}.") from None
    # The decoder takes the last of doubled members, so that quotation marks are missing; escaped ones are in the way.
    if b"\\" in body or _encode(decoded).count(b'"') != body.count(b'"'):
        # what the decoder took is four levels deep at most, so this parser can't run out of stack
        _double_seeker.decode(body.decode())
    return decoded


def _refusal(error: msgspec.ValidationError, body: bytes) -> RefusedError:
    """Why a `body` that broke a rule of its type is refused."""
    if _is_too_deep(body):
        return RefusedError(HTTPStatus.BAD_REQUEST, "E_JSON", "The body is nested too deep; four levels are enough.")
    detail, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".") or "$"
    if detail != _TOO_LONG:
        return invalid(field, f"{detail}.")
    told = f"At most {EVENTS_LIMIT} events are taken of a request; /v1/decide:batch takes up to {BATCH_LIMIT} requests."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_TOO_MANY_EVENTS", told, field=field)


def _is_too_deep(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except RecursionError:
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    return False


def _checked(request: _Visitor, place: str = "") -> _Visitor:
    """`request` in normal form, if its text and numbers keep the rules; `place` is where it stands."""
    user_pseudo_id = request.user_pseudo_id
    if user_pseudo_id.isspace() or not user_pseudo_id.isprintable():
        told = "It is blank or holds control or invisible characters; GA4's id has none."
        raise invalid(f"{place}user_pseudo_id", told)
    values = request.profile.values()
    numbers = [value for value in values if isinstance(value, _NUMBERS)]
    if numbers and not -LARGEST_NUMBER <= min(numbers) <= max(numbers) <= LARGEST_NUMBER:
        raise _too_large(request.profile, place)
    texts = [value for value in values if isinstance(value, str)]
    # ASCII is its own normal form
    if user_pseudo_id.isascii() and all(map(str.isascii, texts)):
        return request
    profile = {name: _normal(value) if isinstance(value, str) else value for name, value in request.profile.items()}
    return msgspec.structs.replace(request, user_pseudo_id=_normal(user_pseudo_id), profile=profile)


def _too_large(profile: Mapping[str, Value], place: str) -> RefusedError:
    name = next(name for name, value in profile.items() if isinstance(value, _NUMBERS) and abs(value) > LARGEST_NUMBER)
    return invalid(f"{place}profile.{name[:100]}", "The number is too large; within 2^53 of 0 is right.")


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise invalid(name[:100], "The field stands twice in one object; once is right.")
        seen.add(name)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# only the lists of events have a limit, and msgspec tells it in words alone
_TOO_LONG = f"Expected `array` of length <= {EVENTS_LIMIT}"
_double_seeker = json.JSONDecoder(object_pairs_hook=_refuse_doubled)
