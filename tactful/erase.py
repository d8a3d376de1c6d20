"""Erase users from every store of the home, with a receipt that names them by keyed digests alone."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from serving import audit_erasure, erasures, session_file
from serving.clock import microseconds
from serving.erasures import Erasure
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


Wishes = Mapping[Path, Sequence[Erasure]]
"""What the decision service was asked to erase, by the record that says so."""


@dataclass(frozen=True)
class Receipt:
    """What an erasure removed, in rows by store, and what it could not reach.

    `left` are the exports themselves, whose rows every landing suppresses from now on, and `quoted_in` the pages and
    logs that hold a user's id as text.
    """

    erased_at: str
    user_digests: tuple[str, ...]
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
    refuse(settings)
    if not user_pseudo_id.strip():
        raise SettingsError("The user is blank; GA4's user_pseudo_id is needed, as 1234567890.1767600000.")
    with home.running(settings), claims.claimed(settings.home, Claim("tactful erase"), console.print, patience=0):
        receipt, file = erase_users(settings, {user_pseudo_id})
    tell(receipt, file, console)
    return receipt


def refuse(settings: Settings) -> None:
    """Refuse a home of which nobody can be erased by us.

    Raises:
        SettingsError: says what is to be done instead.
    """
    if settings.profile == "gcp":
        raise SettingsError(
            f"{variable('profile')} is 'gcp', where the export's tables are GA4's: delete the user's rows from "
            f"{settings.export_dataset}.events_* and from the tables of {settings.warehouse_dataset} in BigQuery, and "
            "the user's key in Redis; GA4's own user deletion keeps new days clean."
        )
    home.require_run(settings)


def erase_users(settings: Settings, users: Collection[str]) -> tuple[Receipt, Path]:
    """Erase users, by GA4's ids, in a home that is the caller's already; wishes for that are carried out by it.

    Returns the receipt and its file; raises HomeError and ExportError as `erase` does.
    """
    landing, homes, wishes = landing_of(settings), _homes(settings), asked(settings, users)
    ids = {each for user in users for each in erasure.ids_of(landing.privacy, user)}
    # under another key than now, decisions on record hold another pseudonym
    ids |= {wish.stored_id for of_record in wishes.values() for wish in of_record}
    for one in homes:
        _refuse_untouchable(one)
    # first of all, so that no landing brings back what is removed below
    erasure.suppress(landing, sorted(ids))
    receipt = _erase(homes, users, sorted(ids))
    now = datetime.fromisoformat(receipt.erased_at)
    file = settings.home / ERASURES / f"{now:%Y%m%dT%H%M%S%f}.json"
    whole.text(file, json.dumps(asdict(receipt), indent=1))
    # last of all: where this is interrupted they are open, and begun again
    for record, of_record in wishes.items():
        with _in_use(record):
            erasures.mark_done(record, of_record, microseconds())
    return receipt, file


def asked(settings: Settings, users: Collection[str] | None = None) -> Wishes:
    """The wishes that are not carried out yet, of `users` or of all; those of an earlier export lie with its decisions.

    Raises:
        HomeError: a record is in use, or can't be read.
    """
    wishes = {}
    for record in map(decision_record, _homes(settings)):
        try:
            with _in_use(record):
                to_do = erasures.to_do(record)
        except (sqlite3.Error, OSError) as error:
            raise HomeError(f"{record}, which says who is to be erased, can't be read: {error}.") from None
        wishes[record] = [wish for wish in to_do if users is None or wish.user_pseudo_id in users]
    return {record: of_record for record, of_record in wishes.items() if of_record}


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


def _erase(homes: Sequence[Settings], users: Iterable[str], ids: Ids) -> Receipt:
    settings = homes[0]
    key = landing_of(settings).erased.key
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
        user_digests=tuple(pseudonym(key, user) for user in sorted(users)),
        rows=rows,
        days=tuple(sorted(days)),
        left=tuple(_exports(homes)),
        quoted_in=tuple(str(file.relative_to(settings.home)) for one in homes for file in _quoting(one.home, ids)),
    )


def _erase_built(settings: Settings, ids: Ids) -> Mapping[str, int]:
    """Remove users from what was built of the landed days."""
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


def _homes(settings: Settings) -> list[Settings]:
    """The home, and what was built in it from other exports and set aside."""
    earlier = sorted(place for place in (settings.home / EARLIER).glob("*") if place.is_dir())
    return [settings, *(settings.model_copy(update={"home": folder}) for folder in earlier)]


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


def tell(receipt: Receipt, file: Path, console: Console) -> None:
    """Print what an erasure removed, and what is left to look at."""
    for store, rows in receipt.rows.items():
        console.print(f"{rows:>8}  {store}", highlight=False)
    if not receipt.is_known:
        console.print("No store holds such a user; should one appear later, every landing leaves them out.")
    for place in receipt.left:
        console.print(f"Not touched: {place}, the export itself; its rows of this user are suppressed.", markup=False)
    for quoting in receipt.quoted_in:
        console.print(f"Look at {quoting}: it holds the id as text.", markup=False)
    console.print(f"The receipt is {file}. Models keep what they learnt until they are trained again.", markup=False)
