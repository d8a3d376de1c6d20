"""What the champion of `purchase_propensity` would promise of users who stayed away on a day, and how many bought.

    python -m benchmarks.absent_users

Asks it, in a home where `make run` has run (TACTFUL_HOME, else .tactful), of all users of the last 28 days: as days
ended that training did not see, a week apart, so that no purchase counts twice. Prints how many buyers it foretells by
the days since the last visit, and how many there were, and writes .tactful/bench/absent_users.json.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ml import trial
from ml.registry import Registry
from ml.specs import PURCHASE_PROPENSITY
from tactful import settings
from tactful.settings import Settings

REPORT = Path(".tactful") / "bench" / "absent_users.json"
FIRST_DAYS = (0, 1, 3, 7, 14)
"""Where groups of users begin, by whole days since the last visit."""

_USERS = "select * from fct_user_features where feature_date = $day"
_BUYERS = """
    select distinct user_pseudo_id from fct_purchases
    where purchased_at > $delivered and purchased_at <= $delivered + interval 7 day
"""


def measure(home: Settings) -> list[dict[str, Any]]:
    """The groups of users, each with how many users, foretold buyers and buyers it has, all days together."""
    registry = Registry.of(home)
    champion = registry.champion(PURCHASE_PROPENSITY.name)
    if champion is None:
        raise SystemExit(f"{PURCHASE_PROPENSITY.name} has no champion in {home.home}: `make run` with more days.")
    bundle = trial.load(registry, champion)
    told = []
    with duckdb.connect(str(home.home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("use tactful")
        for day in _unseen(connection, date.fromisoformat(bundle.header.trained_to)):
            users = connection.execute(_USERS, {"day": day}).df()
            delivered = users["feature_at"].iloc[0] + timedelta(hours=home.export_delay_hours)
            buyers = connection.execute(_BUYERS, {"delivered": delivered}).df()["user_pseudo_id"]
            told.append(users.assign(foretold=bundle.score(users), buyers=users["user_pseudo_id"].isin(buyers)))
    rows = pd.concat(told)
    groups = pd.cut(rows["days_since_visit"], [*FIRST_DAYS, 28], right=False, labels=FIRST_DAYS)
    figures = rows.groupby(groups, observed=True).agg(
        users=("user_pseudo_id", "size"), foretold=("foretold", "sum"), buyers=("buyers", "sum")
    )
    return [{"days_since_visit": int(first), **row} for first, row in figures.to_dict("index").items()]


def _unseen(connection: duckdb.DuckDBPyConnection, trained_to: date) -> Iterator[date]:
    """Days after training whose seven days after are over, a week apart, the newest first."""
    ((day,),) = connection.execute("select max(feature_date) - 8 from fct_user_features").fetchall()
    while day > trained_to:
        yield day
        day -= timedelta(days=7)


def main() -> None:
    """Measure, print and write."""
    figures = measure(settings.load())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    for group in figures:
        print(
            "{days_since_visit:>3} days or more: {users:,} users, {foretold:.0f} foretold, {buyers} bought".format(
                **group
            )
        )
    print(f"All of it is in {REPORT}.")


if __name__ == "__main__":
    main()
