"""The first load of a bundle: in a child process, which a file that crashes its parser takes down instead of this one.

python -m serving.first_load FOLDER DIGEST ENGINE
"""

import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO

from ml.bundle import Bundle, BundleError
from ml.onnx_bundle import READERS

_ALWAYS = ("xgboost", "skops", "scikit-learn", "numpy")
PARSERS = {"native": _ALWAYS, "onnx": (*_ALWAYS, "onnxruntime")}
"""What parses a bundle, by the engine that is to score it."""

PATIENCE = 30.0
REST = 300.0
PROCESSOR_SECONDS = 20
MEMORY = 4 * 2**30
MOST_SAID = 64 * 1024
LINE = 1000
"""Bytes of what a child said last in which the reason is sought."""

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[1]
# what a library reserves for each thread counts as memory
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class FirstLoads:
    """Which bundles in `cache`, each in a folder named by its digest, have been loaded by a child process.

    A file beside the folder says so to later starts with the same parsers. A child may take `patience` seconds, and is
    ended when `stopped` is set; a bundle that was refused is left alone for `rest` seconds. What is loaded is scored by
    `engine`, one of `READERS`.
    """

    def __init__(self, cache: Path, stopped: threading.Event, engine: str) -> None:
        self.cache = cache
        self.engine = engine
        self.stopped = stopped
        self.patience = PATIENCE
        self.rest = REST
        self._tried: dict[str, tuple[str | None, float]] = {}

    def read(self, digest: str) -> Bundle:
        """The bundle of `digest`, which a child has loaded before.

        Raises:
            BundleError: it can't be loaded here; the message says why.
        """
        self.prove(digest)
        read = READERS[self.engine](self.cache / digest, digest)
        if self.engine == "onnx" and read.light is None:
            log.warning("Bundle %s holds no ONNX model; its own library scores.", digest[:12])
        return read

    def prove(self, digest: str) -> None:
        """Have the bundle of `digest` loaded, and its golden rows scored, unless that was done before.

        Raises:
            BundleError: that can't be done here; the message says why.
        """
        # not in the bundle's folder: that holds whatever the registry held
        parsed_by = [f"{parser}-{version(parser)}" for parser in PARSERS[self.engine]]
        mark = self.cache / ".".join([digest, *parsed_by])
        if mark.exists():
            return
        tried = self._tried.get(digest)
        if tried is None or time.monotonic() - tried[1] >= self.rest:
            tried = self._tried[digest] = (self._problem(digest), time.monotonic())
        problem, _ = tried
        if problem is not None:
            raise BundleError(problem)
        mark.touch()

    def _problem(self, digest: str) -> str | None:
        """What goes wrong in a child that loads the bundle, if anything does."""
        deadline = time.monotonic() + self.patience
        with (
            # not a pipe, of which this process would have to keep whatever comes
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                [sys.executable, "-m", "serving.first_load", str((self.cache / digest).resolve()), digest, self.engine],
                cwd=_ROOT,
                env={**os.environ, **_ONE_THREAD},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                # an interrupt at the terminal is the service's, which ends its children itself
                start_new_session=True,
            ) as child,
        ):
            try:
                while time.monotonic() < deadline and not self.stopped.is_set():
                    with suppress(subprocess.TimeoutExpired):
                        return _end(child.wait(timeout=0.1), said)
            finally:
                child.kill()
        return "The service ends." if self.stopped.is_set() else f"Its first load took over {self.patience:g} seconds."


def _end(code: int, said: IO[bytes]) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"Its first load was ended by {signal.Signals(-code).name}."
    said.seek(max(0, said.seek(0, os.SEEK_END) - LINE))
    told = said.read().decode(errors="replace").strip()
    return told.splitlines()[-1] if told else f"Its first load ended with {code}."


def main(folder: str, digest: str, engine: str) -> None:
    """Load a bundle as the service would, within bounds that hold when the service is gone too."""
    bounds = {
        resource.RLIMIT_CPU: PROCESSOR_SECONDS,
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: MOST_SAID,
    }
    # within that bound, a module that is imported late would leave half of its compiled file
    sys.dont_write_bytecode = True
    for bound, most in bounds.items():
        _, hard = resource.getrlimit(bound)
        resource.setrlimit(bound, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        READERS[engine](Path(folder), digest)
    except BundleError as refusal:
        sys.exit(" ".join(str(refusal).split()))


if __name__ == "__main__":
    main(*sys.argv[1:])
