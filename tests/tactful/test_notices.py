"""Notices as they arrive at a webhook on loopback, and what no log and no error may tell of where they go."""

import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tactful.notices import Notice, NoticeError, champion_moved, places, send
from tactful.settings import Settings
from tests.notice_server import Receiver, receiver

MISSED = "json://user:hush@127.0.0.1:1/hush"


@pytest.fixture
def heard() -> Iterator[Receiver]:
    with receiver() as heard:
        yield heard


def _telling(*urls: str) -> Settings:
    return Settings(notify=SecretStr(",".join(urls)))


@pytest.mark.parametrize("urgency", ["info", "warning", "failure"])
def test_a_notice_arrives_with_its_urgency(heard: Receiver, urgency: str) -> None:
    assert send(_telling(heard.url), Notice("A run failed", "warehouse: no space", urgency))  # type: ignore[arg-type]

    (told,) = heard.told
    assert (told["title"], told["message"], told["type"]) == ("A run failed", "warehouse: no space", urgency)


def test_nobody_is_told_where_nobody_is_named() -> None:
    assert not send(Settings(), Notice("A run failed", ""))
    assert places(Settings()) == 0


def test_all_places_are_told_and_those_that_were_missed_are_counted(
    heard: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(NoticeError) as missed:
        send(_telling(MISSED, heard.url), Notice("A run failed", "why"))

    assert len(heard.told) == 1
    assert str(missed.value) == "1 of the 2 places of TACTFUL_NOTIFY could not be told."
    assert "hush" not in caplog.text


def test_a_place_that_refuses_was_not_told(heard: Receiver) -> None:
    heard.is_refusing = True

    with pytest.raises(NoticeError, match="1 of the 1 places"):
        send(_telling(heard.url), Notice("A run failed", "why"))


def test_a_url_that_apprise_can_t_read_is_refused_unseen() -> None:
    with pytest.raises(NoticeError) as refused:
        places(_telling("pigeon://hush"))

    assert str(refused.value) == "TACTFUL_NOTIFY holds a URL that Apprise can't read; its pages list the forms."


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("3", "4", "The champion of churn was version 3 and is version 4"),
        (None, "1", "The champion of churn was none and is version 1"),
        ("4", None, "The champion of churn was version 4 and is none"),
    ],
)
def test_a_champion_that_moved_is_told_with_the_reason(before: str | None, now: str | None, told: str) -> None:
    assert champion_moved("churn", before, now, "better", "info") == Notice(told, f"{told}: better", "info")
