"""``script/contract``: every kind of caller, all of Schemathesis's phases and checks."""

import argparse
import asyncio
import os
import signal
import sys

from tests.contract.callers import long_run, short_run
from tests.contract.playing import Told, open_shop, play


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/contract", description="Schemathesis over the OpenAPI document")
    parser.add_argument(
        "--examples", type=int, default=40, help="made up cases for each door and the key of all scopes"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--who", action="append", help="only this caller: 'all scopes', 'a user', 'only ops:read', …")
    parser.add_argument("--short", action="store_true", help="what script/test runs")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> list[Told]:
    task = asyncio.current_task()
    assert task is not None, "asyncio runs this in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    errands = short_run(options.examples) if options.short else long_run(options.examples)
    told = []
    async with open_shop() as shop:
        for errand in errands:
            if not options.who or errand.who in options.who:
                told.append(await play(shop, errand, seed=options.seed))
                _say(told[-1])
    return told


def _say(told: Told) -> None:
    verdict = "nothing found" if told.code == 0 else "FOUND SOMETHING"
    line = f"{told.errand.who}: {told.cases:,} cases, {told.seconds:.0f} s, {verdict}"
    sys.stdout.write(f"{line}\n" if told.code == 0 else f"{told.output}\n{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Answer 0 if nothing was found."""
    told = asyncio.run(_run(_options()))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    cases, found = sum(each.cases for each in told), sum(each.code != 0 for each in told)
    sys.stdout.write(f"{cases:,} cases by {len(told)} callers, {found} with findings; load average {load}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
