"""``python -m tests.state --minutes N``: explores histories that nobody has tried before."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.state.exploring import Exploration
from tests.state.world import open_world


def main() -> int:
    """Answer 0 if nothing was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.state", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no new history after this time")
    parser.add_argument("--seed", type=int, help="the seed to begin with; a fresh one if it is left out")
    parser.add_argument("--shrink-minutes", type=float, default=5.0, help="how long a failing history is shortened")
    options = parser.parse_args()
    first = options.seed if options.seed is not None else secrets.randbelow(2**32)
    out = sys.stdout.write
    out(f"seed {first}\n")
    with open_world() as world:
        exploration = Exploration(world, 60 * options.minutes, shrink_s=60 * options.shrink_minutes)
        failure = exploration.run(first)
    out(f"{exploration.told()}\n")
    if failure is None:
        return 0
    script = Path(tempfile.mkdtemp(prefix="paywon-history-")) / "history.py"
    script.write_text(failure.script, encoding="utf-8")
    out(f"{failure.why}\n{script}\n\n{failure.script}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
