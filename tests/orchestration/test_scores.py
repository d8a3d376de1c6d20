"""Which days users are scored on."""

from datetime import date, timedelta
from pathlib import Path

import duckdb


def test_the_newest_day_is_scored_again_and_days_before_it_once_as_long_as_their_scores_count(tmp_path: Path) -> None:
    from orchestration.assets.scores import SCORES, _days_to_score
    from orchestration.resources import SOURCE, WarehouseResource

    path = tmp_path / "warehouse.duckdb"
    last = SOURCE.last
    scored = [last, last - timedelta(days=2)]
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema tactful; create table tactful.said (feature_date date)")
        connection.executemany("insert into tactful.said values (?)", [[day] for day in scored])
    warehouse = WarehouseResource(home=str(tmp_path), path=str(path))

    def to_score(first: date, end: date) -> list[int]:
        days = [first + timedelta(days=n) for n in range((end - first).days + 1)]
        return [(day - last).days for day in _days_to_score(days, warehouse, "said")]

    assert SCORES.ttl == timedelta(days=7)
    assert to_score(SOURCE.first, last) == [-6, -5, -4, -3, -1, 0]
    assert to_score(last - timedelta(days=3), last) == [-3, -1, 0]
    assert to_score(last, last) == to_score(SOURCE.first, SOURCE.first) == [0]


def test_a_model_of_users_reads_one_table_of_users() -> None:
    import pytest

    from feature_repo.contract import ContractError
    from orchestration.assets.scores import _table_of

    assert _table_of("churn").entity == "user"
    with pytest.raises(ContractError, match=r"popup_behaviour reads \['fct_session_activity', .*one table of users"):
        _table_of("popup_behaviour")
