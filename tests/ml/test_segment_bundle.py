import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ml import segment_bundle, segments
from ml.bundle import BundleError, PlainHeader, sha256
from ml.segments import Segments
from tests.ml.segment_users import COLUMNS, DAY, SPEC, users

HEADER = PlainHeader("user_segments", "user_segments_v1", "c0ffee", DAY, DAY)


@pytest.fixture(scope="module")
def found() -> Segments:
    return segments.fit(SPEC, users(), COLUMNS, DAY)[0]


def test_stored_segments_are_those_that_were_found(found: Segments, tmp_path: Path) -> None:
    digest = segment_bundle.write(found, HEADER, tmp_path)
    stored = segment_bundle.read(tmp_path, digest)
    np.testing.assert_array_equal(stored.groups(users()), found.groups(users()))
    assert (stored.identities, stored.ledger, stored.encoding) == (found.identities, found.ledger, found.encoding)
    assert len(stored.ledger) == len(stored.identities)


@pytest.mark.parametrize("file", ["bundle.json", "model.skops"])
def test_m04_an_altered_file_is_refused(file: str, found: Segments, tmp_path: Path) -> None:
    digest = segment_bundle.write(found, HEADER, tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match=file):
        segment_bundle.read(tmp_path, digest)


def test_another_format_is_refused(found: Segments, tmp_path: Path) -> None:
    segment_bundle.write(found, HEADER, tmp_path)
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 1}))
    with pytest.raises(BundleError, match="has format 1; this code reads format 2"):
        segment_bundle.read(tmp_path, sha256(file))


def test_m07_a_pipeline_with_a_type_that_is_not_trusted_is_refused(found: Segments, tmp_path: Path) -> None:
    steps = [("own", FunctionTransformer(partial(np.clip, a_min=0))), *found.pipeline.steps]
    digest = segment_bundle.write(replace(found, pipeline=Pipeline(steps)), HEADER, tmp_path)
    with pytest.raises(BundleError, match=r"can't be trusted\. Untrusted types found in the file: .*partial"):
        segment_bundle.read(tmp_path, digest)
