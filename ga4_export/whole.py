"""Files that are written whole or not at all: a reader sees the old one or the new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@contextmanager
def parquet(file: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet writer whose file takes its place only when the block ends well."""
    partial = _partial(file)
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            yield writer
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def text(file: Path, content: str) -> None:
    """Write a text file."""
    partial = _partial(file)
    partial.write_text(content)
    partial.replace(file)


def _partial(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.with_suffix(".partial")
