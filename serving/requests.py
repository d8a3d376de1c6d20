"""What a client may ask, and the strict way from its bytes to a value."""

import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from serving import breaches
from serving.problems import RefusedError, invalid

BODY_LIMIT = 256 * 1024
BATCH_BODY_LIMIT = 8 * 1024 * 1024
BATCH_LIMIT = 500
EVENTS_LIMIT = 500
LARGEST_NUMBER = 2**53
LONGEST_ID = 128
LONGEST_NAME = 100
LONGEST_TEXT = 1_000
MODELS = ("popup_behaviour", "popup_profile")
"""Whose champions decide."""

Value = str | int | float | bool | None

# The bounds, 2000 and 2100, refuse seconds and milliseconds.
Microseconds = Annotated[
    int, Meta(ge=946_684_800_000_000, le=4_102_444_800_000_000, description="Microseconds since 1970, UTC.")
]
# `$` alone would let a final line feed through.
EventName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}(?!\n)$",
        description="GA4's event name: a letter, then up to 39 letters, digits and _.",
    ),
]

UserPseudoId = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID, description="GA4's device id.")]
# What is on record is read by these types too, so that bounds of its texts are not theirs.
_BOUNDS = f"Names have up to {LONGEST_NAME} characters, texts up to {LONGEST_TEXT:,}."


class Stated(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a client states: encoded again, it holds no member that the client left out."""


class Event(Stated, frozen=True):
    """One GA4 event of the live session."""

    event_name: EventName
    event_timestamp: Microseconds


class DecideRequest(Stated, frozen=True):
    """A visitor at a moment: who, what is known of the session, and what happened in it."""

    user_pseudo_id: UserPseudoId
    at: Annotated[Microseconds | None, Meta(description="Microseconds since 1970, UTC; null is now.")] = None
    profile: Annotated[
        dict[str, Value], Meta(description=f"Session features by name; those left out are null. {_BOUNDS}")
    ] = {}
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_LIMIT, description="The session's events.")] = ()
    model: Annotated[
        str,
        Meta(
            description="Whose champion decides: `popup_behaviour` from the session's first event on, `popup_profile` "
            "as it begins.",
            # no rule of decoding: what is on record may name others
            extra_json_schema={"enum": MODELS},
        ),
    ] = "popup_behaviour"
    campaign: Annotated[
        str | None,
        Meta(description="The one of the client's own campaigns to decide about; null has the service choose."),
    ] = None


class SessionEvents(Stated, frozen=True):
    """What happened in a live session since the last request, and what more is known of it."""

    user_pseudo_id: UserPseudoId
    profile: Annotated[
        dict[str, Value], Meta(description=f"Session features by name; kept until told anew. {_BOUNDS}")
    ] = {}
    events: Annotated[tuple[Event, ...], Meta(max_length=EVENTS_LIMIT, description="The new events.")] = ()


_NUMBERS = int, float
_encode = msgspec.json.Encoder().encode
_request_decoder = msgspec.json.Decoder(DecideRequest)
_batch_decoder: msgspec.json.Decoder[list[Raw]] = msgspec.json.Decoder(Annotated[list[Raw], Meta(min_length=1)])
_events_decoder = msgspec.json.Decoder(SessionEvents)
_Decoded = TypeVar("_Decoded")
_Stated = TypeVar("_Stated", bound=Stated)
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
    # each by itself: a decoder lets no other thread in before it is through
    parts = [bytes(part) for part in _decoded(body, _batch_decoder)]
    if len(parts) > BATCH_LIMIT:
        detail = f"It lists {len(parts)} requests; at most {BATCH_LIMIT} are taken at once."
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BATCH_TOO_LARGE", detail)
    places = [f"[{number}]." for number in range(len(parts))]
    return [_checked(stated(part, _request_decoder, place), place) for part, place in zip(parts, places, strict=True)]


def decode_events(body: bytes) -> SessionEvents:
    """The events that `body` states, its text in Unicode's normal form NFC; refuses as `decode` does."""
    return _checked(stated(body, _events_decoder))


def user_of(text: str) -> str:
    """The user whom a part of an address names, by the rules of a body's `user_pseudo_id`; refuses as they do."""
    return decode_events(_encode({"user_pseudo_id": text})).user_pseudo_id


def body_too_large() -> RefusedError:
    """The refusal of a body that is longer than BODY_LIMIT."""
    detail = f"At most {BODY_LIMIT // 1024} KB are taken, and {EVENTS_LIMIT} events."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BODY_TOO_LARGE", detail)


def batch_too_large() -> RefusedError:
    """The refusal of a body that is longer than BATCH_BODY_LIMIT."""
    detail = f"At most {BATCH_BODY_LIMIT // 1024**2} MB are taken, and {BATCH_LIMIT} requests."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BODY_TOO_LARGE", detail)


def stated(body: bytes, decoder: msgspec.json.Decoder[_Stated], place: str = "") -> _Stated:
    """What `body`, which stands at `place`, states.

    Raises:
        RefusedError: the body is no JSON (400), lists too many events (413), or a field breaks a rule (422).
    """
    decoded = _decoded(body, decoder, place)
    # The decoder takes the last of doubled members, so that quotation marks are missing; escaped ones are in the way.
    may_be_doubled = b"\\" in body or _encode(decoded).count(b'"') != body.count(b'"')
    # what the decoder took is four levels deep at most, so the parser of these can't run out of stack
    if may_be_doubled and (path := breaches.doubled(body)):
        raise invalid(place + path, "The field stands twice in one object; once is right.")
    return decoded


def _decoded(body: bytes, decoder: msgspec.json.Decoder[_Decoded], place: str = "") -> _Decoded:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(error, body, decoder.type, place) from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_JSON", f"The body is not JSON in UTF-8: {error}.") from None


def _refusal(error: msgspec.ValidationError, body: bytes, kind: Any, place: str) -> RefusedError:
    """Why a `body` that broke a rule of its type `kind` is refused."""
    if _is_too_deep(body):
        return _too_deep()
    field, detail = breaches.explained(error, body, kind)
    field = (place + field).rstrip(".") or "$"
    if not str(error).startswith(_TOO_LONG):
        return invalid(field, detail)
    told = f"At most {EVENTS_LIMIT} events are taken of a request; /v1/decide:batch takes up to {BATCH_LIMIT} requests."
    return RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_TOO_MANY_EVENTS", told, field=field)


def _too_deep() -> RefusedError:
    detail = "The body is nested too deep; four levels are enough."
    return RefusedError(HTTPStatus.BAD_REQUEST, "E_JSON", detail)


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
    texts += request.profile
    told = "".join(texts)
    # what is longer than a name may be is looked at closely
    if texts and (not told.isprintable() or len(max(texts, key=len)) > LONGEST_NAME):
        _check_texts(request.profile, place)
    # ASCII is its own normal form
    if user_pseudo_id.isascii() and told.isascii():
        return request
    if len(user_pseudo_id := _normal(user_pseudo_id)) > LONGEST_ID:
        told = f"In Unicode's form NFC it has {len(user_pseudo_id)} characters; at most {LONGEST_ID} are taken."
        raise invalid(f"{place}user_pseudo_id", told)
    profile = {name: _normal(value) if isinstance(value, str) else value for name, value in request.profile.items()}
    return msgspec.structs.replace(request, user_pseudo_id=user_pseudo_id, profile=profile)


def _too_large(profile: Mapping[str, Value], place: str) -> RefusedError:
    name = next(name for name, value in profile.items() if isinstance(value, _NUMBERS) and abs(value) > LARGEST_NUMBER)
    return invalid(f"{place}profile.{name[:100]}", "The number is too large; within 2^53 of 0 is right.")


def _check_texts(profile: Mapping[str, Value], place: str) -> None:
    for name, value in profile.items():
        # a name that can't be printed is told as Python writes it
        field = f"{place}profile.{repr(name[:100])[1:-1]}"
        for kind, text, longest in (("name", name, LONGEST_NAME), ("text", str(value), LONGEST_TEXT)):
            if len(text) > longest:
                raise invalid(field, f"The {kind} has {len(text):,} characters; at most {longest:,} are taken.")
            if not text.isprintable():
                told = f"The {kind} {text[:100]!r} holds control or invisible characters; printable ones are right."
                raise invalid(field, told)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# only the lists of events have a limit, and msgspec tells it in words alone
_TOO_LONG = f"Expected `array` of length <= {EVENTS_LIMIT}"
