"""How good models are, and how quickly they are learnt: every benchmark of a model in a process of its own.

    python -m benchmarks.models [DAYS]

DAYS are those of the pop-up model's shop, else 45. Writes .tactful/bench/models.json. Shops are simulated:
no figure is evidence about real visitors.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(".tactful") / "bench"
NAMES = ("popup", "stages", "segments", "search")


def gather(whole: str, sizes: Mapping[str, Sequence[str]]) -> None:
    """Run each benchmark with its size, if one is stated, and write what they wrote as one.

    Raises:
        SystemExit: some ended without their figures, or missed what is asked of them; the others ran all the same.
    """
    figures, failed = {}, []
    for name, size in sizes.items():
        written = FOLDER / f"{name}.json"
        written.unlink(missing_ok=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *size], check=False).returncode:
            failed.append(name)
        if written.exists():
            figures[name] = json.loads(written.read_text())
    (FOLDER / f"{whole}.json").write_text(json.dumps(figures, indent=1))
    print(f"All of it is in {FOLDER / f'{whole}.json'}.")
    if failed:
        raise SystemExit(f"Not as asked: {', '.join(failed)}.")


def main() -> None:
    """Run each, and gather what they wrote."""
    gather("models", {name: sys.argv[1:2] if name == "popup" else [] for name in NAMES})


if __name__ == "__main__":
    main()
