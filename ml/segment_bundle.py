"""Segments as files: the pipeline as skops, all else as JSON, digests over both."""

import json
from dataclasses import asdict
from pathlib import Path

from ml import pipelines
from ml.bundle import BundleError, PlainHeader, sha256, stated_in, verified
from ml.encoding import Encoding
from ml.identity import Event, Identity
from ml.segments import Segments

FORMAT = 2
MODEL_FILE = "model.skops"


def write(segments: Segments, header: PlainHeader, folder: Path) -> str:
    """Write segments and their ledger; returns their digest, the SHA-256 of bundle.json."""
    folder.mkdir(parents=True, exist_ok=True)
    pipelines.dump(segments.pipeline, folder / MODEL_FILE)
    stated = {
        "format": FORMAT,
        "header": asdict(header),
        "segments": [asdict(identity) for identity in segments.identities],
        "ledger": [asdict(event) for event in segments.ledger],
        "encoding": segments.encoding.stated(),
        "files": {MODEL_FILE: sha256(folder / MODEL_FILE)},
    }
    (folder / "bundle.json").write_text(json.dumps(stated, indent=1))
    return sha256(folder / "bundle.json")


def read(folder: Path, digest: str) -> Segments:
    """The segments in `folder`, if they are those whose digest was registered.

    Raises:
        BundleError: a file is missing or altered, the format is unknown, or a type in the pipeline is not trusted.
    """
    from skops.io.exceptions import UntrustedTypesFoundException

    stated = stated_in(folder, digest, FORMAT)
    content = verified(folder / MODEL_FILE, stated["files"][MODEL_FILE])
    try:
        pipeline = pipelines.load(content)
    except UntrustedTypesFoundException as refusal:
        raise BundleError(f"Segments {folder} can't be trusted. {refusal}") from refusal
    return Segments(
        identities=tuple(Identity(**identity) for identity in stated["segments"]),
        encoding=Encoding.of(stated["encoding"]),
        pipeline=pipeline,
        ledger=tuple(Event(**{**event, "others": tuple(event["others"])}) for event in stated["ledger"]),
    )
