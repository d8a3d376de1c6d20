"""Erase one user from every store of the home, with a receipt that names the user by a keyed digest alone."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from rich.console import Console

from feature_repo import erasure as features
from ga4_export import erasure, whole
from ga4_export.erasure import Ids
from ga4_export.privacy import pseudonym
from serving import audit_erasure, session_file
from tactful import claims, home
from tactful.claims import Claim
from tactful.home import EARLIER, ERASURES, HomeError
from tactful.landing import landing_of
from tactful.settings import Settings, SettingsError, variable
from tactful.stores import decision_record

_TEXTS = ("reports", "logs", "dagster/storage")
"""Where a page or a log could quote a row."""

_PATIENCE = 1.0
"""Seconds for which a database may be held by one who writes to it and goes on."""


@dataclass(frozen=True)
class Receipt:
    """What an erasure removed, in rows by store, and what it could not reach.

    `left` are the exports themselves, whose rows every landing suppresses from now on, and `quoted_in` the pages and
    logs that hold the user's id as text.
    """

    erased_at: str
    user_digest: str
    rows: Mapping[str, int]
    days: tuple[str, ...]
    left: tuple[str, ...]
    quoted_in: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        return any(self.rows.values())


def erase(settings: Settings, user_pseudo_id: str, console: Console) -> Receipt:
    """Remove a user, by GA4's own id, and have every landing from now on leave the user out.

    Raises:
        SettingsError: the profile is gcp, nothing has run in the home yet, or the id is blank.
        HomeError: a run or another process works on the home.
        ExportError: a day was landed under another pseudonym key, so that the user's rows could not be told.
    """
    _refuse(settings, user_pseudo_id)
    claim = Claim("tactful erase")
    with home.running(settings), claims.claimed(settings.home, claim, console.print, patience=0):
        ids = erasure.ids_of(landing_of(settings).privacy, user_pseudo_id)
        homes = [settings, *(settings.model_copy(update={"home": folder}) for folder in _earlier(settings.home))]
        for one in homes:
            _refuse_untouchable(one)
        # first of all, so that no landing brings back what is removed below
        erasure.suppress(landing_of(settings), ids)
        receipt = _erase(homes, user_pseudo_id, ids)
        now = datetime.fromisoformat(receipt.erased_at)
        file = settings.home / ERASURES / f"{now:%Y%m%dT%H%M%S%f}.json"
        whole.text(file, json.dumps(asdict(receipt), indent=1))
    _tell(receipt, file, console)
    return receipt


def _refuse(settings: Settings, user_pseudo_id: str) -> None:
    if settings.profile == "gcp":
        raise SettingsError(
            f"{variable('profile')} is 'gcp', where the export's tables are GA4's: delete the user's rows from "
            f"{settings.export_dataset}.events_* and from the tables of {settings.warehouse_dataset} in BigQuery, and "
            "the user's key in Redis; GA4's own user deletion keeps new days clean."
        )
    if not user_pseudo_id.strip():
        raise SettingsError("The user is blank; GA4's user_pseudo_id is needed, as 1234567890.1767600000.")
    home.require_run(settings)


def _refuse_untouchable(settings: Settings) -> None:
    """Refuse before anything is removed what would stop halfway or leave rows behind."""
    landing = landing_of(settings)
    # days landed before there was a key hold GA4's own ids, which are looked for too
    landing.refuse_other_privacy(landing.landed_days(), replace(landing.privacy, pseudonym_key=None))
    warehouse = settings.home / "warehouse.duckdb"
    if warehouse.is_file():
        with _in_use(warehouse):
            duckdb.connect(str(warehouse)).close()
    for file in (_online_store(settings), decision_record(settings)):
        if file.is_file():
            with _in_use(file), closing(sqlite3.connect(file, timeout=_PATIENCE)) as connection:
                connection.execute("begin immediate")


def _erase(homes: Sequence[Settings], user_pseudo_id: str, ids: Ids) -> Receipt:
    settings = homes[0]
    rows: dict[str, int] = {}
    days = set()
    for one in homes:
        removed = erasure.remove(landing_of(one), ids)
        days |= {str(day) for day in removed.days}
        counted = {"landed": removed.landed, "quarantine": removed.quarantined, **_erase_built(one, ids)}
        place = "" if one is settings else f"{EARLIER}/{one.home.name}/"
        rows |= {f"{place}{store}": number for store, number in counted.items()}
    return Receipt(
        erased_at=datetime.now(UTC).isoformat(),
        user_digest=pseudonym(landing_of(settings).erased.key, user_pseudo_id),
        rows=rows,
        days=tuple(sorted(days)),
        left=tuple(_exports(homes)),
        quoted_in=tuple(str(file.relative_to(settings.home)) for one in homes for file in _quoting(one.home, ids)),
    )


def _erase_built(settings: Settings, ids: Ids) -> Mapping[str, int]:
    """Remove a user from what was built of the landed days."""
    warehouse = settings.home / "warehouse.duckdb"
    with _in_use(warehouse):
        tables = features.erase_warehouse(warehouse, ids)
    with _in_use(_sessions(settings)):
        sessions = session_file.erase(_sessions(settings), ids)
    with _in_use(_online_store(settings)):
        views = features.erase_online(settings, ids)
    with _in_use(decision_record(settings)):
        decisions = audit_erasure.erase(decision_record(settings), ids)
    return {
        **{f"warehouse.{table}": rows for table, rows in tables.items()},
        "sessions": sessions,
        "offline_features": features.erase_parquet(settings.home / "feature_store" / "offline", ids),
        "decision_log": features.erase_parquet(settings.home / "decision_log", ids),
        "training_sets": features.erase_parquet(settings.home / "training_sets", ids),
        "online_store": views,
        "decisions": decisions,
    }


@contextmanager
def _in_use(file: Path) -> Iterator[None]:
    """Tell in one line that another process holds a database.

    Raises:
        HomeError: it does.
    """
    try:
        yield
    except (duckdb.IOException, sqlite3.OperationalError):
        raise HomeError(f"{file} is in use by another process: stop it, and erase again.") from None


def _sessions(settings: Settings) -> Path:
    return settings.home / "decisions" / "sessions.sqlite"


def _online_store(settings: Settings) -> Path:
    return settings.home / "feature_store" / "online_store.db"


def _earlier(folder: Path) -> list[Path]:
    """What was built from other exports and set aside."""
    return sorted(place for place in (folder / EARLIER).glob("*") if place.is_dir())


def _exports(homes: Sequence[Settings]) -> Iterator[str]:
    if homes[0].export is not None:
        yield str(homes[0].export)
    for one in homes:
        if (folder := one.home / "simulated_export").is_dir():
            yield str(folder)


def _quoting(folder: Path, ids: Ids) -> Iterator[Path]:
    needles = [user.encode() for user in ids]
    for file in sorted(file for place in _TEXTS for file in (folder / place).rglob("*") if file.is_file()):
        content = file.read_bytes()
        if any(needle in content for needle in needles):
            yield file


def _tell(receipt: Receipt, file: Path, console: Console) -> None:
    for store, rows in receipt.rows.items():
        console.print(f"{rows:>8}  {store}", highlight=False)
    if not receipt.is_known:
        console.print("No store holds this user; should the user appear later, every landing leaves them out.")
    for place in receipt.left:
        console.print(f"Not touched: {place}, the export itself; its rows of this user are suppressed.", markup=False)
    for quoting in receipt.quoted_in:
        console.print(f"Look at {quoting}: it holds the id as text.", markup=False)
    console.print(f"The receipt is {file}. Models keep what they learnt until they are trained again.", markup=False)
