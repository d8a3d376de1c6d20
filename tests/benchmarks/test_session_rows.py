from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.session_rows import CONVERTS, rows_of
from feature_repo import contract
from ml.watched import DAY, USER
from serving.activity import accumulate
from serving.requests import Event
from simulator.live import moments_on
from simulator.shop import Shop

DAYS = [date(2026, 1, 7), date(2026, 1, 8)]


def test_what_is_counted_up_of_a_pop_up_s_visit_is_what_the_service_accumulates(manifest: Path) -> None:
    tables = contract.load(manifest)
    rules = {column.name: column.rule for table in tables for column in table.columns if column.rule}
    shop = Shop()

    sessions, answers = rows_of(shop, DAYS, tables)

    rows = {(row[USER], row["session_number"]): row for row in answers.to_dict("records")}
    compared = 0
    for moment in (moment for day in DAYS for moment in moments_on(shop, day)):
        request = moment.request
        key = (request["user_pseudo_id"], request["profile"]["session_number"])
        if key not in rows:
            continue
        events = [Event(event["event_name"], event["event_timestamp"]) for event in request["events"]]
        last = max(event.event_timestamp for event in events)
        told = {**accumulate(rules, events, last), **request["profile"], CONVERTS: moment.has_converted[True]}
        row = {name: None if pd.isna(value) else value for name, value in rows[key].items()}
        assert {name: row[name] for name in told} == told
        compared += 1
    assert compared > 80
    assert sessions[DAY].value_counts().between(600, 1_300).all()
