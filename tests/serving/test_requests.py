"""Requests are decoded strictly; the ids are those of the table of bad inputs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.problems import RefusedError
from serving.requests import EVENTS_LIMIT, decode

NOW = 1_772_000_000_000_000


def refusal(body: bytes) -> tuple[int, str, str | None]:
    with pytest.raises(RefusedError) as refused:
        decode(body)
    stated = refused.value.stated
    return stated.status, stated.code, stated.field


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="R01-empty"),
        pytest.param(b'{"user_pseudo_id": "a"', id="R01-truncated"),
        pytest.param(b'{"user_pseudo_id": "a"} x', id="R01-trailing"),
        pytest.param(b'\xef\xbb\xbf{"user_pseudo_id": "a"}', id="R01-byte-order-mark"),
        pytest.param(b'{"user_pseudo_id": "a", "profile": {"x": NaN}}', id="R05-nan"),
        pytest.param(b'{"user_pseudo_id": "a", "profile": {"x": -Infinity}}', id="R05-infinity"),
        pytest.param(b'{"user_pseudo_id": ' + b"[" * 5000 + b"]" * 5000 + b"}", id="R07-deep"),
        pytest.param(b'{"user_pseudo_id": "\xff"}', id="R08-invalid-utf-8"),
        pytest.param(rb'{"user_pseudo_id": "\ud800"}', id="R08-lone-surrogate"),
    ],
)
def test_what_is_not_json_is_refused_as_such(body: bytes) -> None:
    assert refusal(body) == (400, "E_JSON", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param('{"user_pseudo_id": "a", "at": "1"}', "at", id="R04-text-for-int"),
        pytest.param(f'{{"user_pseudo_id": "a", "at": {NOW}.0}}', "at", id="R04-float-for-int"),
        pytest.param('{"user_pseudo_id": "a", "at": true}', "at", id="R04-bool-for-int"),
        pytest.param('{"user_pseudo_id": null}', "user_pseudo_id", id="R04-null-for-required"),
        pytest.param('{"user_pseudo_id": 5}', "user_pseudo_id", id="L09-int-id"),
        pytest.param('{"user_pseudo_id": ""}', "user_pseudo_id", id="L09-empty-id"),
        pytest.param('{"user_pseudo_id": "   "}', "user_pseudo_id", id="L09-blank-id"),
        pytest.param(f'{{"user_pseudo_id": "{"a" * 10_000}"}}', "user_pseudo_id", id="L09-10-kB-id"),
        pytest.param('{"user_pseudo_id": "a", "at": 1772000000}', "at", id="R04-seconds"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": 1e999}}', "profile[...]", id="R05-1e999"),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {10**22}}}}}', "profile.x", id="R05-23-digits"),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {"9" * 400}}}}}', "profile.x", id="R05-400-digits"),
        pytest.param(
            f'{{"user_pseudo_id": "a", "profile": {{"x": {"9" * 9000}}}}}',
            "profile[...]",
            id="R05-9000-digits",
        ),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {2**53 + 1}}}}}', "profile.x", id="R05-over-2-to-53"),
        pytest.param('{"user_pseudo_id": "a", "colour": "red"}', "$", id="R06-unknown-field"),
        pytest.param('{"user_pseudo_id": "a", "user_pseudo_id": "b"}', "user_pseudo_id", id="R06-doubled-field"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": 1, "x": 2}}', "x", id="R06-doubled-feature"),
        pytest.param(r'{"user_pseudo_id": "a\u0000"}', "user_pseudo_id", id="R08-nul"),
        pytest.param('{"user_pseudo_id": "a\u202eb"}', "user_pseudo_id", id="R08-right-to-left-override"),
        pytest.param(
            f'{{"user_pseudo_id": "a", "events": [{{"event_name": "1st", "event_timestamp": {NOW}}}]}}',
            "events[0].event_name",
            id="event-name-not-GA4",
        ),
        pytest.param(
            rf'{{"user_pseudo_id": "a", "events": [{{"event_name": "scroll\n", "event_timestamp": {NOW}}}]}}',
            "events[0].event_name",
            id="event-name-with-line-feed",
        ),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(body: str, field: str) -> None:
    assert refusal(body.encode()) == (422, "E_FIELD", field)


def test_more_events_than_the_limit_are_refused_whole() -> None:
    event = f'{{"event_name": "scroll", "event_timestamp": {NOW}}}'
    body = '{{"user_pseudo_id": "a", "events": [{}]}}'
    assert len(decode(body.format(",".join([event] * EVENTS_LIMIT)).encode()).events) == EVENTS_LIMIT
    assert refusal(body.format(",".join([event] * (EVENTS_LIMIT + 1))).encode()) == (413, "E_TOO_MANY_EVENTS", "events")


def test_a_refusal_of_too_many_events_names_the_limit_and_the_way_to_ask_more_at_once() -> None:
    events = [{"event_name": "scroll", "event_timestamp": NOW}] * 3000
    with pytest.raises(RefusedError, match=r"^At most 500 events .*; /v1/decide:batch takes up to 500"):
        decode(json.dumps({"user_pseudo_id": "a", "events": events}).encode())


def test_a_refusal_never_repeats_the_visitor() -> None:
    with pytest.raises(RefusedError) as refused:
        decode(b'{"user_pseudo_id": "secret\\u0007"}')
    assert "secret" not in str(refused.value)


def test_minus_zero_and_letters_of_any_script_are_taken() -> None:
    request = decode('{"user_pseudo_id": "Łódź-🛒", "profile": {"x": -0.0}}'.encode())
    assert (request.user_pseudo_id, request.profile) == ("Łódź-🛒", {"x": 0.0})


def test_text_comes_out_in_normal_form_c() -> None:
    request = decode('{"user_pseudo_id": "o\u0301", "profile": {"city": "o\u0301"}}'.encode())
    assert (request.user_pseudo_id, request.profile) == ("ó", {"city": "ó"})


PROFILES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=6)),
    min_size=1,
    max_size=5,
)


@given(profile=PROFILES, told_again=st.integers(0, 4), is_ascii=st.booleans(), data=st.data())
def test_a_member_told_twice_is_refused_wherever_it_stands(
    profile: dict[str, Any], told_again: int, is_ascii: bool, data: st.DataObject
) -> None:
    stated = [
        f"{json.dumps(name, ensure_ascii=is_ascii)}: {json.dumps(value, ensure_ascii=is_ascii)}"
        for name, value in profile.items()
    ]
    body = '{{"user_pseudo_id": "a", "profile": {{{}}}}}'
    doubled = data.draw(st.permutations([*stated, stated[told_again % len(stated)]]))

    assert decode(body.format(", ".join(stated)).encode()).user_pseudo_id == "a"
    status, code, _ = refusal(body.format(", ".join(doubled)).encode())
    assert (status, code) == (422, "E_FIELD")


@pytest.mark.parametrize("default", ['"at": null', '"model": "popup_behaviour"', '"events": []', '"profile": {}'])
def test_a_default_that_is_told_takes_nothing_from_the_look_for_doubles(default: str) -> None:
    assert decode(f'{{"user_pseudo_id": "a", {default}}}'.encode()) == decode(b'{"user_pseudo_id": "a"}')
    assert refusal(f'{{"user_pseudo_id": "a", {default}, {default}}}'.encode())[0] == 422
