"""Clients' settings: decoded strictly, and each change on record, on SQLite and on a real Postgres."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from ml.campaigns import Campaign, Channel
from serving.client_store import Change, ClientStore, ClientsUnavailableError
from serving.clients import Clients, ClientsError, ClientSettings, stated
from serving.keys import KeysError
from tests.postgres_server import postgres_server, programs

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStore]:
    if request.param == "sqlite":
        yield ClientStore(f"sqlite:///{tmp_path_factory.mktemp('home')}/decisions/clients.db")
    elif programs() is None:
        pytest.skip("the server programs of Postgres are not installed")
    else:
        with postgres_server() as address:
            yield ClientStore(address.replace("postgresql://", "postgresql+psycopg2://"))


def test_before_the_first_change_nothing_is_set_and_no_file_is_made(tmp_path: Path) -> None:
    store = ClientStore(f"sqlite:///{tmp_path}/clients.db")
    assert store.read() == Clients({})
    assert store.changes("shop") == []
    assert store.read().of("shop") == ClientSettings()
    assert list(tmp_path.iterdir()) == []


def test_each_change_is_on_record_with_who_when_and_what(store: ClientStore) -> None:
    store.set("shop", {"frequency_cap": 2, "thresholds": {"popup_behaviour": 0.3}}, "Ada", NOW)
    store.set("blog", {"frequency_cap": 1}, "Bob", NOW)
    settings = store.set("shop", {"frequency_cap": None}, "Bob", NOW + timedelta(days=1))

    assert settings == ClientSettings(thresholds={"popup_behaviour": 0.3})
    assert store.read() == Clients({"shop": settings, "blog": ClientSettings(frequency_cap=1)})
    assert store.changes("shop") == [
        Change("shop", NOW, "Ada", {"thresholds": ({}, {"popup_behaviour": 0.3}), "frequency_cap": (None, 2)}),
        Change("shop", NOW + timedelta(days=1), "Bob", {"frequency_cap": (2, None)}),
    ]


def test_what_is_set_as_it_was_is_no_change(store: ClientStore) -> None:
    for _ in range(2):
        store.set("same", {"exploration": 0.1}, "Ada", NOW)
    assert len(store.changes("same")) == 1


def test_the_database_itself_keeps_the_record_as_it_is(store: ClientStore) -> None:
    store.set("kept", {"exploration": 0.1}, "Ada", NOW)
    for change in ("update client_changes set asked_by = 'nobody'", "delete from client_changes"):
        with pytest.raises(DatabaseError, match="appended to alone"), create_engine(store.url).begin() as connection:
            connection.execute(text(change))
    assert [change.asked_by for change in store.changes("kept")] == ["Ada"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"treshold": 0.3}, "unknown field `treshold`", id="C02-mistyped"),
        pytest.param(
            {"thresholds": {"popup_behaviour": 1.5}},
            r"at thresholds\.popup_behaviour: .* <= 1\.0; it is 1\.5\. The score, from 0 to 1",
            id="threshold-over-1",
        ),
        pytest.param({"thresholds": 0.3}, "at thresholds: .* By model", id="threshold-of-no-model"),
        pytest.param(
            {"frequency_cap": -1},
            "at frequency_cap: .* >= 0; it is -1. Most pop-ups shown to a user on a day",
            id="negative-cap",
        ),
        pytest.param({"frequency_cap": True}, "at frequency_cap: .*got `bool`; it is true", id="C03-type"),
        pytest.param({"frequency_cap": "2"}, r'at frequency_cap: .*got `str`; it is "2"', id="C03-text"),
        pytest.param(
            {"impression_budget": 2}, "at impression_budget: .* <= 1.0; it is 2. Of any thousand", id="budget-over-1"
        ),
        pytest.param({"exploration": 2}, "at exploration: .* it is 2. Share of decisions", id="exploration-over-1"),
        pytest.param(
            {"session_policy": "sometimes"},
            'at session_policy: It is "sometimes"; right are "time_based", "interval", "batch_flag", "sequential"',
            id="unknown-policy",
        ),
        pytest.param({"origins": ["shop.example"]}, "scheme, host and port", id="origin-without-scheme"),
        pytest.param({"origins": ["https://shop.example/"]}, "scheme, host and port", id="origin-with-path"),
        pytest.param({"origins": ["*"]}, "scheme, host and port", id="origin-of-all"),
        pytest.param({"rate_limit": "many"}, "600/minute or 20/second", id="no-rate"),
        pytest.param({"rate_limit": "1/second; 5/minute"}, "600/minute or 20/second", id="two-rates"),
        pytest.param({"rate_limit": "0/minute"}, "lets nothing through", id="rate-of-none"),
        pytest.param({"campaigns": [""]}, "length >= 1", id="campaign-without-name"),
        pytest.param({"campaigns": ["none"]}, "'none' is none in the reports", id="campaign-none"),
        pytest.param(
            {"campaigns": [{"name": "b"}]}, r"at campaigns\[0\]: .*field `channel`", id="campaign-without-channel"
        ),
        pytest.param(
            {"campaigns": ["a", {"name": "b", "channel": "mail"}]},
            r'at campaigns\[1\]\.channel: It is "mail"; right are "pop_up", "notification", "embed"\.',
            id="unknown-channel",
        ),
        pytest.param(
            {"campaigns": [{"name": "b", "channel": "embed", "when": {"a": {"at_least": 1}, "b": {"at_most": "x"}}}]},
            r'at campaigns\[0\]\.when\.b\.at_most: .*it is "x"',
            id="condition-of-a-text",
        ),
        pytest.param(
            {"campaigns": ["b", {"name": "b", "channel": "embed"}]}, "'b' stands twice", id="doubled-campaign"
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    store = ClientStore(f"sqlite:///{tmp_path}/clients.db")
    with pytest.raises(ClientsError, match=f"client shop are wrong.*{told}"):
        store.set("shop", fields, "Ada", NOW)
    assert store.read() == Clients({})


@pytest.mark.parametrize("name", ["", "Shop", "shop; drop table client_changes", "x" * 64])
def test_what_names_no_client_gets_no_settings(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeysError, match="names no client"):
        ClientStore(f"sqlite:///{tmp_path}/clients.db").set(name, {}, "Ada", NOW)


def test_a_database_that_can_not_be_read_is_told_without_its_address(tmp_path: Path) -> None:
    (tmp_path / "clients.db").write_text("no database, but a text of some length that is none at all")
    store = ClientStore(f"sqlite:///{tmp_path}/clients.db")
    with pytest.raises(ClientsUnavailableError, match=r"can't be read or written: DatabaseError\.$"):
        store.read()


def test_settings_go_through_json_and_back() -> None:
    settings = ClientSettings(origins=("https://shop.example:8443",), rate_limit="20/second", exploration=0.05)
    assert stated({"origins": list(settings.origins), "rate_limit": "20/second", "exploration": 0.05}, "x") == settings


def test_campaigns_are_kept_as_they_were_stated(store: ClientStore) -> None:
    basket = {"name": "basket", "channel": "notification", "value": 12.0, "when": {"baskets": {"at_least": 1.0}}}
    settings = store.set("chooser", {"campaigns": ["spring", basket]}, "Ada", NOW)

    assert store.read().of("chooser") == settings
    assert [campaign.name for campaign in settings.choosable] == ["basket"]
    assert settings.named["spring"] == Campaign("spring", Channel.POP_UP)
    assert [change.changed for change in store.changes("chooser")] == [{"campaigns": ([], ["spring", basket])}]


def test_null_is_as_if_a_field_had_not_been_set(store: ClientStore) -> None:
    store.set("unset", {"exploration": 0.1, "origins": ["https://shop.example"], "frequency_cap": 2}, "Ada", NOW)
    settings = store.set("unset", {"exploration": None, "origins": None}, "Ada", NOW)

    assert settings == ClientSettings(frequency_cap=2)
    with pytest.raises(ClientsError, match="colour"):
        store.set("unset", {"colour": None}, "Ada", NOW)
