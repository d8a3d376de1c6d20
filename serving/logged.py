"""What the service has decided about, as rows that another model can be tried on."""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from serving.audit_erasure import ERASED
from serving.requests import Value

MOST = 50_000
"""Decisions by which the share that a version shows is told within half a percentage point."""

_NEWEST = """
    select features
    from decisions
    where model = $model and score is not null and user_pseudo_id <> $erased
    order by rowid desc
    limit $most
"""


def newest_scored(file: Path, model: str, most: int = MOST) -> list[Mapping[str, Value]]:
    """The features of a model's newest decisions on record that have a score, the newest first.

    Those about people who are forgotten are left out. There are none where nothing was decided yet, or the record can't
    be read, which whoever decides is told of.
    """
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as record:
            found = record.execute(_NEWEST, {"model": model, "erased": ERASED, "most": most})
            return [_decoder.decode(features) for (features,) in found]
    except sqlite3.Error as error:
        log.warning("%s can't be read, and no model is tried on it: %s", file, error)
        return []


log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(dict[str, Value])
