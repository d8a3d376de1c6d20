"""What a person can ask of the decisions on record."""

import json
import math
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner, Result

from ml.bundle import Bundle, Calibration
from ml.policy import Action, Reason
from ml.registry import Registry
from serving import audit_erasure, decision_log
from serving.audit import AuditedDecision, AuditLog, ShadowScore
from serving.decision_log import SCHEMA, export_day
from serving.requests import DecideRequest, Event
from serving.rewards import Reward, Rewards, Told
from tactful import cli
from tactful.home import QUIET
from tactful.settings import Settings, SettingsError
from tactful.stores import decision_record
from tests.ml import rivals

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

DAY = date(2026, 1, 20)
NOON = int(datetime(2026, 1, 20, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000


def features() -> Mapping[str, Any]:
    """A row whose numbers have no short decimals."""
    row = json.loads(rivals.shop(50).iloc[7].to_json())
    return {feature.name: row[feature.name] for feature in rivals.good().features}


def decided(decision_id: str, read: Bundle, version: str, digest: str, **others: Any) -> AuditedDecision:
    stated = AuditedDecision(
        decision_id=decision_id,
        decided_at=NOON + 5,
        client="shop",
        user_pseudo_id="ada",
        moment=NOON,
        request=DecideRequest("ada", NOON),
        features=features(),
        feature_status={},
        features_missing=(),
        score=float(read.score_rows([features()])[0]),
        threshold=0.5,
        action=Action.SHOW,
        reason=Reason.ABOVE_THRESHOLD,
        action_probability=1.0,
        model="popup_profile",
        version=version,
        digest=digest,
    )
    return msgspec.structs.replace(stated, **others)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which two versions decided, whose second has lost its bundle since."""
    settings = Settings(home=tmp_path_factory.mktemp("decided"))
    registry, calibration = Registry.of(settings), Calibration(1.0, 0.1)
    good = rivals.good()
    versions = [
        rivals.add_version(registry, "popup_profile", read)
        for read in (good, replace(good, calibration=calibration), rivals.bad())
    ]
    digests = [registry.version("popup_profile", version).digest for version in versions]
    with AuditLog(decision_record(settings)) as log:
        first = decided("same", good, versions[0], digests[0])
        log.append(
            [
                first,
                decided("other", rivals.bad(), versions[0], digests[0]),
                decided("gone", good, versions[1], digests[1]),
                decided("altered", good, versions[2], "f" * 64),
                decided("deleted", good, "9", "f" * 64),
                decided("erased", good, versions[0], digests[0], user_pseudo_id="eve"),
                decided("fallback", good, versions[0], digests[0], score=None, reason=Reason.FEATURES_UNAVAILABLE),
            ],
            [ShadowScore("same", versions[1], digests[1], 0.25, 0.5)],
        )
    audit_erasure.erase(decision_record(settings), ["eve"])
    client = MlflowClient(registry.tracking_uri)
    run_id = str(client.get_model_version("popup_profile", versions[1]).run_id)
    shutil.rmtree(Path(client.get_run(run_id).info.artifact_uri.removeprefix("file://")))
    return settings


def call(home: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli.app, ["decisions", *arguments], env={"TACTFUL_HOME": str(home.home), "COLUMNS": "160", **QUIET}
    )


@pytest.mark.parametrize(
    ("decision_id", "exit_code", "line"),
    [
        ("same", 0, "The same score: 0."),
        ("other", 1, "Another score: 0."),
        ("gone", 1, "The score of version 2 of popup_profile, bundle "),
        (
            "altered",
            1,
            "The score of version 3 of popup_profile, bundle ffffffffffff, can't be replayed. The registry's",
        ),
        (
            "deleted",
            1,
            "The score of version 9 of popup_profile, bundle ffffffffffff, can't be replayed. popup_profile",
        ),
        ("erased", 1, "The features are no longer on record: the user was erased.\n"),
        ("fallback", 1, "There was no score to replay: the decision fell back, as features_unavailable.\n"),
    ],
)
def test_a_decision_is_replayed_or_it_is_said_why_not(
    home: Settings, decision_id: str, exit_code: int, line: str
) -> None:
    answer = call(home, "replay", decision_id)

    assert answer.output.startswith(line)
    assert (answer.exit_code, answer.output.count("\n")) == (exit_code, 1)


def test_the_last_bit_of_a_score_counts(home: Settings) -> None:
    with AuditLog(decision_record(home)) as log:
        same = log.find("same")
        assert same is not None
        assert same.score is not None
        nearly = math.nextafter(same.score, 1)
        log.append([msgspec.structs.replace(same, decision_id="nearly", score=nearly)])

    assert call(home, "replay", "nearly").output.startswith(f"Another score: {same.score!r}, where {nearly!r} is on")


def test_a_decision_is_shown_with_what_was_known_and_what_the_challenger_said(home: Settings) -> None:
    answer = call(home, "show", "same")
    told = json.loads(answer.output)

    assert answer.exit_code == 0
    assert (told["decision_id"], told["features"], told["shadow"]["score"]) == ("same", features(), 0.25)
    other = json.loads(call(home, "show", "other").output)
    assert (other["shadow"], other["rewards"]) == (None, [])
    assert '"eve"' not in call(home, "show", "erased").output


def test_a_decision_is_shown_with_what_came_of_it_in_that_order(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with AuditLog(decision_record(settings)) as log:
        log.append([decided("d1", rivals.good(), "1", "0" * 64), decided("d2", rivals.good(), "1", "0" * 64)])
        told = [("d1", Reward("clicked", NOON + 9)), ("d2", Reward("shown")), ("d1", Reward("shown", NOON + 7))]
        Rewards(log, lambda: NOON + 20).record([Told("shop", decision_id, reward) for decision_id, reward in told])

    assert json.loads(call(settings, "show", "d1").output)["rewards"] == [
        {"kind": "shown", "at": NOON + 7, "stated_at": NOON + 7, "told_at": NOON + 20},
        {"kind": "clicked", "at": NOON + 9, "stated_at": NOON + 9, "told_at": NOON + 20},
    ]


def test_r16_events_ahead_of_a_decision_s_moment_are_counted_where_it_is_shown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    events = tuple(Event("scroll", NOON + ahead) for ahead in (-HOUR, 0, 1, HOUR))
    with AuditLog(decision_record(settings)) as log:
        log.append([decided("skewed", rivals.good(), "1", "0" * 64, request=DecideRequest("ada", NOON, {}, events))])

    assert json.loads(call(settings, "show", "skewed").output)["events_ahead"] == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("show", "nobody's"), 'No decision "nobody\'s" is on record in '),
        (("replay", "d9"), "No decision 'd9' is on record in "),
        (("export", "it.parquet", "--day", "today"), "--day is 'today'; a day as YYYY-MM-DD is needed."),
    ],
)
def test_what_is_not_there_is_told_in_one_line(home: Settings, arguments: tuple[str, ...], line: str) -> None:
    refusal = call(home, *arguments).exception
    assert isinstance(refusal, SettingsError)
    assert str(refusal).startswith(line)


def test_where_nothing_was_decided_nothing_is_made(tmp_path: Path) -> None:
    refusal = call(Settings(home=tmp_path), "show", "d1").exception
    assert isinstance(refusal, SettingsError)
    assert list(tmp_path.iterdir()) == []


def test_a_day_is_written_to_a_file(home: Settings, tmp_path: Path) -> None:
    file = tmp_path / "day.parquet"
    assert "holds the 8 decisions of 2026-01-20" in call(home, "export", str(file), "--day", "2026-01-20").output
    rows = {row["decision_id"]: row for row in pq.read_table(file).to_pylist()}
    assert (rows["same"]["shadow_score"], rows["other"]["shadow_score"]) == (0.25, None)
    assert json.loads(rows["same"]["features"]) == features()
    assert rows["erased"]["user_pseudo_id"] == "(erased)"
    assert "holds the 0 decisions of" in call(home, "export", str(file), "--day", "2026-01-19").output
    assert pq.read_schema(file).equals(SCHEMA)


def test_a_day_is_not_written_to_a_folder_that_is_not_there(home: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"

    refusal = call(home, "export", str(folder / "day.parquet"), "--day", "2026-01-20").exception

    assert isinstance(refusal, SettingsError)
    assert str(refusal).startswith(f"{folder / 'day.parquet'} can't be written: {folder} is no folder; make it, or")
    assert not folder.exists()


def test_a_day_begins_and_ends_on_the_property_s_clock(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, time_zone="Europe/Warsaw")
    record, good = decision_record(settings), rivals.good()
    # an hour before midnight UTC is midnight in Warsaw
    moments = {"before": NOON - 13 * HOUR - 1, "first": NOON - 13 * HOUR, "last": NOON + 11 * HOUR - 1}
    with AuditLog(record) as log:
        log.append([decided(name, good, "1", "0" * 64, moment=moment) for name, moment in moments.items()])

    assert export_day(record, DAY, settings.zone, tmp_path / "day.parquet") == 2
    assert pq.read_table(tmp_path / "day.parquet")["decision_id"].to_pylist() == ["first", "last"]


def test_what_came_of_a_decision_stands_beside_it_and_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_log, "PIECE", 3)
    record, good = tmp_path / "decisions.sqlite", rivals.good()
    with AuditLog(record) as log:
        log.append([decided(f"d{number}", good, "1", "0" * 64, moment=NOON + number) for number in range(8)])
    with closing(sqlite3.connect(record)) as rewarded, rewarded:
        rewarded.execute(
            "create table rewards (decision_id text, client text, kind text, at integer, received_at integer)"
        )
        told = [
            ("d1", "shown", 7),
            ("d1", "clicked", 9),
            ("d1", "clicked", 8),
            ("d2", "converted", 4),
            ("d9", "shown", 1),
        ]
        rewarded.executemany("insert into rewards values (?, 'shop', ?, ?, 0)", told)

    assert export_day(record, DAY, UTC, tmp_path / "day.parquet") == 8
    table = pq.read_table(tmp_path / "day.parquet")
    assert pq.ParquetFile(tmp_path / "day.parquet").num_row_groups == 3
    came = table.select(["decision_id", "shown_at", "closed_at", "clicked_at", "converted_at"]).slice(1, 2).to_pylist()
    assert [list(row.values()) for row in came] == [["d1", 7, None, 8, None], ["d2", None, None, None, 4]]
    assert pa.compute.sum(table["shown_at"]).as_py() == 7
