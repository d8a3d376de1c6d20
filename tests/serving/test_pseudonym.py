"""With a key, the service knows visitors by their pseudonym alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from feature_repo.stored_rows import StoredRows
from ga4_export.privacy import Privacy, pseudonym
from serving.app import create_app
from serving.audit_erasure import ERASED, erase
from serving.champions import Champions
from serving.features import FeastFeatures, Views
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from tests.serving.conftest import MODEL, listening
from tests.serving.test_app import asked

KEY = "k" * 32
USER = "1234567890.1767600000"


class KnownAs:
    """A store that holds the rows of the user `known` under another id."""

    def __init__(self, store: FeastFeatures, user: str) -> None:
        self.store = store
        self.user = user

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        return self.store.read(self._known(users), views)

    def read_at_once(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows] | None:
        return self.store.read_at_once(self._known(users), views)

    def _known(self, users: Sequence[str]) -> list[str]:
        return ["known" if user == self.user else "nobody" for user in users]

    def erase(self, user: str) -> None:
        self.store.erase("known" if user == self.user else "nobody")


@pytest.mark.parametrize(("key", "stored"), [(None, USER), (KEY, pseudonym(KEY, USER))])
def test_a_visitor_is_looked_up_and_put_on_record_by_the_id_that_is_stored(
    services: Any, key: str | None, stored: str
) -> None:
    token = services.token("shop")
    app = create_app(
        Champions(services.registry.tracking_uri, (MODEL,), services.registry.folder / "bundles"),
        FeaturesInTime(KnownAs(FeastFeatures(services.open_store), stored), deadline=30),
        services.audit,
        Keyring.read(services.folder / "keys.json"),
        privacy=Privacy(pseudonym_key=key),
    )

    with listening(app, token) as client:
        answer = client.post("/v1/decide", json=asked(USER)).json()
        client.post(f"/v1/sessions/{USER}.1/events", json={"user_pseudo_id": USER}).raise_for_status()
        left = client.get(f"/v1/sessions/{USER}.1/decision").json()
        recorded = [services.audit.find(each["decision_id"]) for each in (answer, left)]

    assert answer["features_missing"] == []
    for audited in recorded:
        assert (audited.user_pseudo_id, audited.request.user_pseudo_id) == (stored, stored)
    kept = b"".join(file.read_bytes() for file in services.folder.glob("decisions.sqlite*"))
    assert (USER.encode() in kept) == (key is None)


def test_what_is_forgotten_while_the_service_runs_is_in_no_byte_of_its_record(services: Any) -> None:
    client = services.start()
    first, other = (client.post("/v1/decide", json=asked(user)).json() for user in (USER, f"{USER}0"))

    assert erase(services.audit.file, [USER]) == 1

    assert services.audit.find(first["decision_id"]).user_pseudo_id == ERASED
    assert services.audit.find(other["decision_id"]).user_pseudo_id == f"{USER}0"
    assert client.get(f"/v1/decisions/{first['decision_id']}").json() == first | {"features_missing": [], "stale": []}
    kept = b"".join(file.read_bytes() for file in services.folder.glob("decisions.sqlite*"))
    assert kept.replace(f"{USER}0".encode(), b"").count(USER.encode()) == 0
