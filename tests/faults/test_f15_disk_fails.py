"""A disk that fails under the record: a flush ends with EIO, and the file system is read-only until it is repaired."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service_process import running

MB = 2**20
READ_ONLY = "attempt to write a readonly database"


@dataclass(frozen=True)
class Disk:
    """An ext4 at `mounted`, in an image on a small file system at `beneath`, which gives it place as it fills."""

    beneath: Path
    mounted: Path

    def make(self) -> None:
        self.beneath.mkdir()
        self.mounted.mkdir()
        command("mount", "-t", "tmpfs", "-o", f"size={24 * MB}", "none", self.beneath)
        image = self.beneath / "image"
        image.write_bytes(bytes(16 * MB))
        command("mkfs.ext4", "-q", "-E", "nodiscard", "-J", "size=4", image)
        self.mount()
        # what is free has no place beneath from now on; the journal keeps its own
        command("fstrim", self.mounted)

    def mount(self) -> None:
        command("mount", "-o", "loop", self.beneath / "image", self.mounted)

    def fail(self) -> None:
        """Leave no place beneath: what is written from now on is lost with EIO."""
        with suppress(OSError), (self.beneath / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(MB))

    def repair(self) -> None:
        """Make place and mount it anew, which takes that nobody holds a file of it open."""
        (self.beneath / "ballast").unlink()
        command("umount", self.mounted)
        self.mount()


def command(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk under the folder of decisions."""
    disk = Disk(tmp_path / "beneath", tmp_path / "decisions")
    try:
        try:
            disk.make()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"A disk can't be mounted here: {getattr(error, 'stderr', None) or error}")
        yield disk
    finally:
        for folder in disk.mounted, disk.beneath:
            subprocess.run(["umount", folder], capture_output=True, check=False)


def test_f15_a_service_whose_disk_fails_decides_nothing_until_it_is_repaired(tmp_path: Path, disk: Disk) -> None:
    with running(tmp_path) as service:
        client = service.client

        def decide(user: str) -> tuple[int, dict[str, str]]:
            answer = client.post("/v1/decide", json={"user_pseudo_id": user})
            return answer.status_code, answer.json()

        first_status, first = decide("1.1")
        disk.fail()
        refused = [decide(f"{number}.2") for number in range(5)]
        disk.repair()
        last_status, last = decide("1.3")
    assert [first_status, last_status] == [200, 200]
    assert {(status, answer["code"]) for status, answer in refused} == {(503, "E_AUDIT_UNAVAILABLE")}
    lines = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    told = [line["event"] for line in lines if line["logger"] == "serving.audit"]
    # on the connection whose flush failed, all others would have failed alike
    assert [line.rpartition(": ")[2] for line in told] == ["disk I/O error", *[READ_ONLY] * 4]
    with closing(sqlite3.connect(disk.mounted / "decisions.sqlite")) as record:
        kept = [decision_id for (decision_id,) in record.execute("select decision_id from decisions order by rowid")]
    assert kept == [first["decision_id"], last["decision_id"]]
