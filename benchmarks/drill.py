"""A drill of all that is to happen by itself: alarms, a new champion after a drift, a bad champion that goes back.

    python -m benchmarks.drill [SHOPS]

SHOPS are those of the alarm's windows, else ten. Writes .tactful/bench/drill.json. Shops are simulated: no figure is
evidence about real visitors.
"""

import sys

from benchmarks.models import gather


def main() -> None:
    """Run both parts, and gather what they wrote."""
    gather("drill", {"loop": [], "alarm": sys.argv[1:2]})


if __name__ == "__main__":
    main()
