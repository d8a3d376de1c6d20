"""What is kept out of storage at the door: query strings, e-mail addresses, telephone numbers and, where wanted, ids.

All of it is SQL over rows in the export schema. Strings are looked at where visitors can have typed or pasted
something: event parameters, user properties, `user_id` and the traffic sources.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from ga4_export.conform import sql_type
from ga4_export.schema import EVENTS

CAMPAIGN_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
"""Query keys that name a campaign and no person."""

EMAIL = r"[A-Za-z0-9._%+\-]+(?:@|%40)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
"""An e-mail address, plain or as it stands in a URL."""

PHONE = r"(?:\+|%2[Bb]|tel:)[0-9][0-9 ().\-]{6,16}[0-9]"
"""A telephone number in its international form; without the plus, ids and numbers could not be told apart."""

# One look at a text tells most of them clean; what a text is read with comes after it.
_MARKS_OF_PERSON = ("@", "%40", "+", "%2", "tel:")
IS_SUSPECT = "coalesce(regexp_matches(params_text, '[@+?#]|%40|%2[Bb]|tel:'), false)"
"""Whether an event's parameters may hold what is not to be kept; `params_text` is PARAMS_TEXT of identity.py."""

_TEXTS = ("traffic_source", "collected_traffic_source", "session_traffic_source_last_click")
_BLOCK = 64


@dataclass(frozen=True)
class Privacy:
    """Which query keys are kept in URLs, and the key under which ids get a pseudonym, if they do."""

    query_keys: tuple[str, ...] = CAMPAIGN_KEYS
    pseudonym_key: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """Tells two ways of keeping rows apart without telling the key."""
        key = None if self.pseudonym_key is None else pseudonym(self.pseudonym_key, "digest")
        return hashlib.sha256(json.dumps([self.query_keys, key, EMAIL, PHONE]).encode()).hexdigest()

    def stored_id(self, user_pseudo_id: str) -> str:
        """The id under which a user is stored."""
        return user_pseudo_id if self.pseudonym_key is None else pseudonym(self.pseudonym_key, user_pseudo_id)

    def event_key(self, fingerprint: str) -> str:
        """SQL for what is kept of an event's fingerprint: where ids are, a digest without a key would tell them."""
        return f"md5({fingerprint})" if self.pseudonym_key is None else hmac_sql(self.pseudonym_key, fingerprint)

    @cached_property
    def replacements(self) -> str:
        """The columns that are stored otherwise than exported, for `select * replace (...)`; needs `is_suspect`."""
        columns = {
            "event_params": _where("is_suspect", self._params("event_params"), "event_params"),
            "user_properties": self._params("user_properties"),
            "user_id": masked("user_id"),
            **{name: _masked_struct(name) for name in _TEXTS},
        }
        if self.pseudonym_key is not None:
            known = "trim(user_pseudo_id) <> ''"
            columns["user_pseudo_id"] = _where(known, hmac_sql(self.pseudonym_key, "user_pseudo_id"), "user_pseudo_id")
        return ", ".join(f"{expression} as {name}" for name, expression in columns.items())

    def _params(self, column: str) -> str:
        # cut first and named, since an expression in a lambda is computed again each time it is written
        cut = f"struct_pack(param := param, text := {self._cut('param.value.string_value')})"
        members = (
            f"{member.name} := "
            + (masked("cut.text") if member.name == "string_value" else f"cut.param.value.{member.name}")
            for member in EVENTS.field(column).type.value_type.field("value").type
        )
        kept = f"struct_pack(key := cut.param.key, value := struct_pack({', '.join(members)}))"
        return f"list_transform(list_transform({column}, lambda param: {cut}), lambda cut: {kept})"

    def _cut(self, value: str) -> str:
        """A URL without the keys of its query that are not to be kept, and without a fragment that holds values."""
        keys = "|".join(map(re.escape, self.query_keys))
        query = rf"'&' || regexp_extract({value}, '^[^?#]*[?]([^#]*)', 1)"
        kept = rf"array_to_string(regexp_extract_all({query}, '&((?:{keys})=[^&]*)', 1), '&')" if keys else "''"
        cut = (
            rf"concat(regexp_extract({value}, '^[^?#]*'), coalesce('?' || nullif({kept}, ''), ''), "
            rf"regexp_extract({value}, '#[^=?]*$'))"
        )
        is_url = f"{_may_hold('?#', value)} and (contains({value}, '://') or starts_with({value}, '/'))"
        return _where(is_url, cut, value)


def pseudonym(key: str, user_pseudo_id: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a user's id, in hex; `hmac_sql` gives the same."""
    return hmac.new(key.encode(), user_pseudo_id.encode(), hashlib.sha256).hexdigest()


def hmac_sql(key: str, value: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a text, in hex, as SQL; null of null."""
    secret = key.encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner, outer = (f"unhex('{bytes(byte ^ pad for byte in block).hex()}')" for pad in (0x36, 0x5C))
    return f"sha256({outer} || unhex(sha256({inner} || encode({value}))))"


def masked(value: str) -> str:
    """A text without e-mail addresses and telephone numbers."""
    return _where(_may_hold(_MARKS_OF_PERSON, value), _masks(value), value)


def _masked_struct(column: str) -> str:
    """A struct of texts, masked as the one text that it is in JSON; neither pattern reaches over a quote."""
    data_type = EVENTS.field(column).type
    text = f"concat_ws('|', {', '.join(_leaves(column, data_type))})"
    masked = f"cast({_masks(f'cast(to_json({column}) as varchar)')} as json)"
    return _where(_may_hold(_MARKS_OF_PERSON, text), f"cast({masked} as {sql_type(data_type)})", column)


def _may_hold(marks: Iterable[str], text: str) -> str:
    """Whether a text holds one of some marks, which costs a tenth of a pattern's look."""
    looks = [f"contains({text}, '{mark}')" for mark in marks]
    return f"({' or '.join(looks)})"


def _leaves(path: str, data_type: pa.DataType) -> list[str]:
    if not pa.types.is_struct(data_type):
        return [path]
    return [leaf for inner in data_type for leaf in _leaves(f"{path}.{inner.name}", inner.type)]


def _masks(text: str) -> str:
    return f"regexp_replace(regexp_replace({text}, '{EMAIL}', '(email)', 'g'), '{PHONE}', '(phone)', 'g')"


def _where(condition: str, then: str, otherwise: str) -> str:
    return f"case when {condition} then {then} else {otherwise} end"
