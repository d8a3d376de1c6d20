"""Users of a made-up shop of three kinds: buyers who return, readers who do not, and passers-by."""

from dataclasses import replace

import numpy as np
import pandas as pd

from feature_repo.contract import Column
from ml.specs import USER_SEGMENTS

COLUMNS = (
    Column("orders", "int64", "", True, theme="purchase"),
    Column("visits", "int64", "", True, theme="loyalty"),
    Column("pages", "int64", "", True, theme="engagement"),
    Column("never", "float64", "", True, theme="cart"),
    Column("device", "string", "", True),
)
SPEC = replace(USER_SEGMENTS, sizes=(2, 3, 4), initialisations=3, resamples=3)
DAY = "2026-01-20"


def users(rows: int = 300) -> pd.DataFrame:
    """The kinds in turn; nobody ever used what `never` counts."""
    rng = np.random.default_rng(1)
    kind = np.arange(rows) % 3
    return pd.DataFrame(
        {
            "orders": np.where(kind == 0, rng.poisson(6, rows) + 1, 0),
            "visits": np.where(kind == 0, rng.poisson(9, rows) + 3, 1),
            "pages": np.where(kind == 2, 1, rng.poisson(20, rows) + 5),
            "never": np.nan,
            "device": rng.choice(["mobile", "desktop"], rows),
        }
    )
