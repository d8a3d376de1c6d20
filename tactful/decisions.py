"""Decisions on record: shown, scored again, and written out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from ml import bundle, onnx_bundle
from ml.bundle import BundleError
from ml.registry import Registry, RegistryError
from serving import audit
from serving.audit import AuditedDecision, AuditLog, AuditUnavailableError
from serving.audit_erasure import ERASED
from serving.rewards import Rewards
from tactful.champions import told
from tactful.settings import Settings, SettingsError
from tactful.stores import decision_record


@dataclass(frozen=True)
class Replay:
    """Whether a decision's score came out again, bit for bit, and that in words."""

    is_same: bool
    told: str


def shown(settings: Settings, decision_id: str) -> dict[str, Any]:
    """A decision as JSON values, with what a challenger said beside it as `shadow`, and what came of it as `rewards`.

    `events_ahead` of its moment, as of a visitor's wrong clock, counted for nothing.

    Raises:
        SettingsError: no such decision is on record, or the record can't be read.
    """
    with _read(settings) as log:
        decision = _found(log, decision_id)
        return {
            **msgspec.to_builtins(decision),
            "events_ahead": sum(event.event_timestamp > decision.moment for event in decision.request.events),
            "shadow": msgspec.to_builtins(log.find_shadow(decision_id)),
            "rewards": msgspec.to_builtins(Rewards(log).of(decision_id)),
        }


def replay(settings: Settings, decision_id: str) -> Replay:
    """Score a decision again, by the features on record and the registry's bundle of the digest on record.

    Raises:
        SettingsError: no such decision is on record, or the record or the registry can't be read.
    """
    with _read(settings) as log:
        decision = _found(log, decision_id)
    if decision.score is None:
        return Replay(False, f"There was no score to replay: the decision fell back, as {decision.reason}.")
    if decision.user_pseudo_id == ERASED:
        return Replay(False, "The features are no longer on record: the user was erased.")
    version = f"version {decision.version} of {decision.model}, bundle {str(decision.digest)[:12]}"
    with TemporaryDirectory() as folder, told():
        try:
            fetched = _fetched(Registry.of(settings), decision, Path(folder))
            scores = []
            # a service may have been told to score by the ONNX model, which differs in the last digits
            for read, by in ((bundle.read, ""), (onnx_bundle.read, ", by its ONNX model")):
                scores.append(audit.replay(decision, read(fetched, str(decision.digest))))
                if scores[-1] == decision.score:
                    return Replay(True, f"The same score: {scores[-1]!r}, by {version}{by}.")
        except (RegistryError, BundleError) as gone:
            return Replay(False, f"The score of {version}, can't be replayed. {gone}")
    return Replay(False, f"Another score: {scores[0]!r}, where {decision.score!r} is on record, by {version}.")


def export(settings: Settings, day: date, file: Path) -> int:
    """Write the decisions of a day of the property to a Parquet file; returns how many there are.

    Raises:
        SettingsError: nothing was ever decided, the record can't be read, or the file can't be written, as where its
            folder isn't there.
    """
    from serving.decision_log import export_day

    record = _existing(settings)
    # nobody looks for decisions in a folder that a slip of the pen made
    if not file.parent.is_dir():
        raise SettingsError(f"{file} can't be written: {file.parent} is no folder; make it, or name one that is there.")
    try:
        return export_day(record, day, settings.zone, file)
    except (AuditUnavailableError, OSError) as failure:
        raise SettingsError(f"The decisions of {day} can't be written to {file}: {failure}") from None


def _existing(settings: Settings) -> Path:
    record = decision_record(settings)
    if not record.is_file():
        raise SettingsError(f"Nothing was decided in {settings.home} yet: {record.name} isn't there.")
    return record


@contextmanager
def _read(settings: Settings) -> Iterator[AuditLog]:
    try:
        with AuditLog(_existing(settings)) as log:
            yield log
    except AuditUnavailableError as failure:
        raise SettingsError(f"{decision_record(settings)} can't be read. {failure}") from None


def _found(log: AuditLog, decision_id: str) -> AuditedDecision:
    decision = log.find(decision_id)
    if decision is None:
        raise SettingsError(f"No decision {decision_id!r} is on record in {log.file}.")
    return decision


def _fetched(registry: Registry, decision: AuditedDecision, folder: Path) -> Path:
    stored = registry.version(decision.model, str(decision.version))
    if stored.digest != decision.digest:
        raise RegistryError(f"The registry's bundle is {stored.digest[:12] or 'none'} now.")
    return registry.download_bundle(decision.model, stored.version, folder)
