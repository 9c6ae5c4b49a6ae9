"""Jobs of reconciliation: walks and the reads that they call for."""

from paywon.queue.jobs import forever
from paywon.reconciliation.commands.rereading import read_differing
from paywon.reconciliation.commands.walking import Walker, walk_due


async def walk_forever(walker: Walker, *, every_s: float) -> None:
    """Walk Toss's list of transactions whenever a walk is due, until cancelled."""

    async def round_() -> int:
        return await walk_due(walker)

    await forever(round_, every_s=every_s)


async def read_forever(walker: Walker, *, every_s: float) -> None:
    """Read the payments that differ, as many as may be read in a while, until cancelled."""

    async def round_() -> int:
        return await read_differing(walker)

    await forever(round_, every_s=every_s)
