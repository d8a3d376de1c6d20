"""Requests are decoded strictly; the ids are those of the table of bad inputs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.problems import RefusedError
from serving.requests import EVENTS_LIMIT, decode, decode_batch

NOW = 1_772_000_000_000_000
AT = " Microseconds since 1970, UTC; null is now."
MODEL = " Whose champion decides: `popup_behaviour` from the session's first event on, `popup_profile` as it begins."
EVENT = f'{{"event_name": "scroll", "event_timestamp": {NOW}}}'


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
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": 1e999}}', "profile.x", id="R05-1e999"),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {10**22}}}}}', "profile.x", id="R05-23-digits"),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {"9" * 400}}}}}', "profile.x", id="R05-400-digits"),
        pytest.param(
            f'{{"user_pseudo_id": "a", "profile": {{"x": {"9" * 9000}}}}}',
            "profile.x",
            id="R05-9000-digits",
        ),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": {2**53 + 1}}}}}', "profile.x", id="R05-over-2-to-53"),
        pytest.param('{"user_pseudo_id": "a", "colour": "red"}', "$", id="R06-unknown-field"),
        pytest.param('{"user_pseudo_id": "a", "user_pseudo_id": "b"}', "user_pseudo_id", id="R06-doubled-field"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": 1, "x": 2}}', "profile.x", id="R06-doubled-feature"),
        pytest.param(
            f'{{"user_pseudo_id": "a", "events": [{EVENT}, {EVENT[:-1]}, "event_name": "click"}}]}}',
            "events[1].event_name",
            id="R06-doubled-in-an-event",
        ),
        pytest.param(r'{"user_pseudo_id": "a\u0000"}', "user_pseudo_id", id="R08-nul"),
        pytest.param('{"user_pseudo_id": "a\u202eb"}', "user_pseudo_id", id="R08-right-to-left-override"),
        pytest.param(r'{"user_pseudo_id": "a", "profile": {"x": "b\u0000"}}', "profile.x", id="R08-nul-in-text"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": "\u202eb"}}', "profile.x", id="R08-override-in-text"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"x": "b\u200b"}}', "profile.x", id="R08-zero-width-in-text"),
        pytest.param('{"user_pseudo_id": "a", "profile": {"\u200bx": 1}}', r"profile.\u200bx", id="R08-in-name"),
        pytest.param(f'{{"user_pseudo_id": "a", "profile": {{"x": "{"b" * 1001}"}}}}', "profile.x", id="long-text"),
        pytest.param(
            f'{{"user_pseudo_id": "a", "profile": {{"{"n" * 101}": 1}}}}', f"profile.{'n' * 100}", id="long-name"
        ),
        pytest.param('{"user_pseudo_id": "%s"}' % ("\ufb2c" * 128), "user_pseudo_id", id="L09-longer-in-normal-form"),
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


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        pytest.param('"at": 5', f"Expected `int` >= 946684800000000; it is 5.{AT}", id="bound"),
        pytest.param('"at": "yesterday"', f'Expected `int | null`, got `str`; it is "yesterday".{AT}', id="type"),
        pytest.param(f'"at": "{"9" * 200}"', f'Expected `int | null`, got `str`; it is "{"9" * 99}.{AT}', id="cut"),
        pytest.param('"profile": {"x": 1, "y": 1e999}', "Number out of range; it is 1e999.", id="of-a-profile"),
        pytest.param(
            f'"events": [{EVENT}, {{"event_name": "scroll", "event_timestamp": -1}}]',
            "Expected `int` >= 946684800000000; it is -1. Microseconds since 1970, UTC.",
            id="of-an-event",
        ),
        pytest.param('"events": ["1.secret"]', "Expected `object`, got `str`.", id="no-member"),
        pytest.param('"model": {"user_pseudo_id": "1.secret"}', f"Expected `str`, got `object`.{MODEL}", id="object"),
        pytest.param(
            '"profile": {"user_pseudo_id": ["1.secret"]}',
            "Expected `bool | int | float | str | null`, got `array`.",
            id="list",
        ),
        pytest.param('"profile": {"user_pseudo_id": 1e999}', "Number out of range.", id="id-in-a-profile"),
    ],
)
def test_a_refusal_names_the_value_that_breaks_the_rule_but_none_that_may_hold_an_id(members: str, detail: str) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(f'{{"user_pseudo_id": "a", {members}}}'.encode())
    assert refused.value.stated.detail == detail


def test_texts_of_a_profile_are_taken_up_to_their_limit_with_blanks_and_letters_of_any_script() -> None:
    profile = {"n" * 100: "b" * 1000, "city": "São Paulo 東京", "empty": ""}
    assert decode(json.dumps({"user_pseudo_id": "a", "profile": profile}).encode()).profile == profile


def test_a_list_names_the_place_of_what_breaks_a_rule() -> None:
    doubled = f'{{"user_pseudo_id": "a", "events": [{EVENT[:-1]}, "event_name": "click"}}]}}'
    with pytest.raises(RefusedError) as refused:
        decode_batch(f'[{{"user_pseudo_id": "a"}}, {doubled}]'.encode())
    assert refused.value.stated.field == "[1].events[0].event_name"
    with pytest.raises(RefusedError) as refused:
        decode_batch(b'[{"user_pseudo_id": "a"}, "1.secret"]')
    assert (refused.value.stated.field, refused.value.stated.detail) == ("[1]", "Expected `object`, got `str`.")


def test_a_list_that_is_nested_too_deep_is_refused_as_no_json() -> None:
    with pytest.raises(RefusedError, match="nested too deep") as refused:
        decode_batch(b"[" * 5000 + b"]" * 5000)
    assert refused.value.stated.status == 400


def test_more_events_than_the_limit_are_refused_whole() -> None:
    body = '{{"user_pseudo_id": "a", "events": [{}]}}'
    assert len(decode(body.format(",".join([EVENT] * EVENTS_LIMIT)).encode()).events) == EVENTS_LIMIT
    assert refusal(body.format(",".join([EVENT] * (EVENTS_LIMIT + 1))).encode()) == (413, "E_TOO_MANY_EVENTS", "events")


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


PRINTABLE = st.characters(exclude_categories=["Cs"]).filter(str.isprintable)
PROFILES = st.dictionaries(
    st.text(PRINTABLE, min_size=1, max_size=6),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(PRINTABLE, max_size=6)),
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
