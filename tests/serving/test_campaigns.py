"""Campaigns of a client: chosen for a visitor by a running service, held, drawn, named, and put on record."""

from typing import Any

import httpx
import pytest

from ml.bundle import Bundle
from serving.audit import replay
from serving.live import Live
from serving.traffic import drawn_for_exploration
from tests.serving.conftest import MOMENT
from tests.serving.test_access import until
from tests.serving.test_app import asked
from tests.serving.test_sessions import leave, scrolls, send

BUYER = {
    "name": "buyer",
    "channel": "notification",
    "threshold": 0.6,
    "value": 5.0,
    "when": {"purchases": {"at_least": 2}},
}
READER = {"name": "reader", "channel": "pop_up", "threshold": 0.0, "value": 2.0, "when": {"scrolls": {"at_least": 3}}}
STRIP = {"name": "strip", "channel": "embed", "when": {"channel": {"equals": "email"}}}
CART = {"name": "cart", "channel": "notification", "when": {"add_to_cart.seconds_since": {"at_most": 60}}}
NOBODYS = {"name": "nobodys", "channel": "pop_up", "value": 99.0, "when": {"shoe_size": {"at_most": 50}}}
TOLD = ("action", "campaign", "channel", "reason", "threshold")


def told(answer: Any) -> tuple[Any, ...]:
    return tuple(answer[name] for name in TOLD)


def decided(client: httpx.Client, *bodies: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [told(answer) for answer in client.post("/v1/decide:batch", json=bodies).raise_for_status().json()]


def test_of_the_campaigns_that_fit_and_whose_threshold_is_reached_the_most_valuable_is_shown(services: Any) -> None:
    services.set("shop", campaigns=["spring", STRIP, READER, BUYER])
    client = services.start()
    no_mail = {"pages_before": 3, "channel": "search"}

    assert decided(
        client,
        asked(scrolls=9),
        asked("nobody", scrolls=9),
        asked("nobody", scrolls=2),
        asked("nobody", scrolls=2, profile=no_mail),
    ) == [
        ("show", "buyer", "notification", "score_at_or_above_threshold", 0.6),
        ("show", "reader", "pop_up", "score_at_or_above_threshold", 0.0),
        ("nothing", None, None, "score_below_threshold", 0.5),
        ("nothing", None, None, "no_campaign", 0.5),
    ]


def test_a_campaign_is_on_record_and_told_again_as_it_was_answered(services: Any) -> None:
    services.set("shop", campaigns=[BUYER], thresholds={"popup_behaviour": 0.9})
    client = services.start()
    answer = client.post("/v1/decide", json=asked(scrolls=9)).json()
    audited = services.audit.find(answer["decision_id"])

    assert (audited.campaign, audited.channel, audited.threshold) == ("buyer", "notification", 0.6)
    assert client.get(f"/v1/decisions/{answer['decision_id']}").json() == answer
    assert client.post(f"/v1/decisions/{answer['decision_id']}/reward", json={"kind": "shown"}).status_code == 200


def test_without_campaigns_to_choose_all_is_as_it_would_be_with_none_set(services: Any) -> None:
    bodies = [asked(user, scrolls=scrolls) for user in ("known", "nobody") for scrolls in (0, 9)]
    client = services.start()
    free = client.post("/v1/decide:batch", json=bodies).json()
    services.set("shop", campaigns=["spring"])
    until(lambda: client.post("/v1/decide", json=asked(campaign="spring")).status_code, 200)
    named = client.post("/v1/decide:batch", json=bodies).json()

    assert [{**answer, "decision_id": ""} for answer in named] == [{**answer, "decision_id": ""} for answer in free]
    assert [told(answer)[:3] for answer in free] == [("nothing", None, None), ("show", None, "pop_up")] * 2


def test_a_request_that_names_a_campaign_is_about_that_one_alone(services: Any) -> None:
    services.set("shop", campaigns=["spring", STRIP, READER, BUYER])
    answers = decided(
        services.start(),
        asked(scrolls=9, campaign="spring"),
        asked(scrolls=9, campaign="reader"),
        asked(scrolls=2, campaign="reader"),
        asked(scrolls=0, campaign="spring"),
    )
    assert answers == [
        ("show", "spring", "pop_up", "score_at_or_above_threshold", 0.5),
        ("show", "reader", "pop_up", "score_at_or_above_threshold", 0.0),
        ("nothing", None, None, "no_campaign", 0.5),
        ("nothing", None, None, "score_below_threshold", 0.5),
    ]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [({"frequency_cap": 1}, "frequency_cap"), ({"impression_budget": 0.001}, "impression_budget")],
)
def test_where_nobody_may_be_interrupted_any_more_what_stands_in_the_page_is_shown_instead(
    services: Any, limit: dict[str, Any], reason: str
) -> None:
    services.set("shop", campaigns=[STRIP, READER], **limit)
    client = services.start()
    interrupted = ("show", "reader", "pop_up", "score_at_or_above_threshold", 0.0)
    instead = ("show", "strip", "embed", reason, 0.5)

    assert decided(client, *[asked(scrolls=9)] * 3) == [interrupted, instead, instead]
    # the strip asks for more than this score
    assert decided(client, asked(scrolls=3)) == [("nothing", None, None, reason, 0.0)]
    assert decided(client, asked(scrolls=9, campaign="reader")) == [("nothing", None, None, reason, 0.0)]


def test_what_stands_in_the_page_is_not_counted_also_not_after_a_restart(services: Any) -> None:
    services.set("shop", campaigns=[STRIP], frequency_cap=1)
    assert [answer[1] for answer in decided(services.start(), *[asked(scrolls=9)] * 3)] == ["strip"] * 3
    services.set("shop", campaigns=[READER])
    assert [answer[3] for answer in decided(services.start(), *[asked(scrolls=9)] * 2)] == [
        "score_at_or_above_threshold",
        "frequency_cap",
    ]


def test_exploration_draws_among_nothing_and_each_campaign_that_fits(services: Any) -> None:
    services.set("shop", campaigns=[STRIP, NOBODYS, READER], exploration=1.0)
    answers = services.start().post("/v1/decide:batch", json=[asked(scrolls=9)] * 60).json()

    drawn = [int(3 * drawn_for_exploration(answer["decision_id"])) for answer in answers]
    assert [answer["campaign"] for answer in answers] == [("strip", "reader", None)[place] for place in drawn]
    assert {answer["action_probability"] for answer in answers} == {1 - 2 / 3, 1 / 3}
    assert {answer["reason"] for answer in answers} == {"explored"}


def test_a_campaign_by_a_feature_that_nobody_reads_is_never_chosen_and_that_is_told_once(
    services: Any, caplog: pytest.LogCaptureFixture
) -> None:
    services.set("shop", campaigns=[NOBODYS, READER])
    assert [answer[1] for answer in decided(services.start(), *[asked(scrolls=9)] * 9)] == ["reader"] * 9
    lines = [record.getMessage() for record in caplog.records if "shoe_size" in record.getMessage()]
    assert lines == ["Campaign 'nobodys' of client shop never fits: popup_behaviour reads no shoe_size."]


def test_what_the_model_does_not_read_may_be_asked_of_the_session_and_is_on_record(
    services: Any, served_model: Bundle
) -> None:
    """The last act is a scroll ten seconds ago: that is the moment, in a live session as in one request."""
    services.set("shop", campaigns=[CART])
    client = services.start(live=Live(clock=lambda: MOMENT))
    scrolled = scrolls(9, seconds_ago=10)
    for ago, told_of in (
        (20, ("show", "cart", 10.0)),
        (130, ("nothing", None, 120.0)),
        (None, ("nothing", None, None)),
    ):
        basket = [] if ago is None else [{"event_name": "add_to_cart", "event_timestamp": MOMENT - ago * 1_000_000}]
        body = {**scrolled, "events": [*basket, *scrolled["events"]]}
        send(client, body, f"known.{ago}")
        in_one = client.post("/v1/decide", json={**body, "at": MOMENT}).json()
        for answer in (leave(client, f"known.{ago}"), in_one):
            audited = services.audit.find(answer["decision_id"])
            assert (answer["action"], answer["campaign"], audited.features["add_to_cart.seconds_since"]) == told_of
            assert replay(audited, served_model) == audited.score


def test_a_live_session_s_flag_and_exit_tell_the_campaign(services: Any) -> None:
    services.set("shop", campaigns=[STRIP, READER, BUYER])
    client = services.start(live=Live(clock=lambda: MOMENT))
    flag = send(client, scrolls(8))["flag"]
    decision = leave(client)

    assert told(flag) == told(decision) == ("show", "buyer", "notification", "score_at_or_above_threshold", 0.6)
    assert services.audit.find(decision["decision_id"]).channel == "notification"
    # of what was flagged, since settings may have changed
    assert told(send(client, scrolls(4, user_pseudo_id="nobody"), "nobody.1")["flag"])[1] == "reader"
    services.set("shop", campaigns=[STRIP, READER, BUYER], frequency_cap=0)
    until(lambda: client.post("/v1/decide", json=asked(scrolls=9)).json()["campaign"], "strip")
    assert told(leave(client, "nobody.1")) == ("nothing", None, None, "frequency_cap", 0.0)


def test_at_the_exit_too_what_stands_in_the_page_takes_the_place_of_what_may_not_be_shown(services: Any) -> None:
    services.set("shop", campaigns=[STRIP, READER], frequency_cap=0)
    client = services.start(live=Live(clock=lambda: MOMENT))
    assert send(client, scrolls(8))["flag"]["campaign"] == "reader"
    assert told(leave(client)) == ("show", "strip", "embed", "frequency_cap", 0.5)


def test_a_session_without_a_score_is_left_alone_whatever_campaigns_there_are(services: Any) -> None:
    services.set("shop", campaigns=[READER], exploration=1.0)
    client = services.start(live=Live(clock=lambda: MOMENT))
    send(client, scrolls(1))
    assert told(leave(client))[:4] == ("nothing", None, None, "no_flag")
