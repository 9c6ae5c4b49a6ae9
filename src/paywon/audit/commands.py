"""Verifying the chains, a page at a time: each page is read at one moment, and no more than it is in memory."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from paywon.audit import store
from paywon.audit.model import SETTLED_AFTER, Break, BreakKind, Head, Link, Seal, Sealing, breaks_in
from paywon.base.clock import Clock
from paywon.db.pool import Database

PAGE: Final = 500


@dataclass(slots=True, kw_only=True)
class Verification:
    """What a verification has seen so far. ``seal`` is set at its end, when all chains were verified."""

    chains: int = 0
    rows: int = 0
    breaks: int = 0
    seal: Seal | None = None


async def verify(
    db: Database,
    clock: Clock,
    *,
    anchor: UUID | None = None,
    until: datetime | None = None,
    on_break: Callable[[Break], None] = lambda _: None,
    on_page: Callable[[Verification], None] = lambda _: None,
) -> Verification:
    """Follow the chain of one payment or billing key, or all chains, and tell each break as it is found.

    ``until`` is the moment that the seal is about; by default, some minutes ago.
    """
    verified = Verification()
    sealing = Sealing(until or clock.now() - SETTLED_AFTER)
    after: UUID | None = None
    while True:
        pairs = await _page(db, after, anchor)
        for head, links in pairs:
            sealing.add(head.anchor, links)
            _count(verified, links, breaks_in(head, links), on_break)
        verified.chains += len(pairs)
        on_page(verified)
        if anchor is not None or len(pairs) < PAGE:
            break
        after = pairs[-1][0].anchor
    await _orphans(db, anchor, verified, on_break)
    verified.seal = sealing.seal() if anchor is None else None
    return verified


async def _page(db: Database, after: UUID | None, anchor: UUID | None) -> list[tuple[Head, list[Link]]]:
    """Read some heads with all their rows, at one moment."""
    async with db.transaction(isolation="repeatable_read", readonly=True) as conn:
        if anchor is not None:
            heads = await store.heads_of(conn, anchor)
        else:
            heads = await store.heads_after(conn, after, limit=PAGE)
        links: dict[UUID, list[Link]] = defaultdict(list)
        async for owner, link in store.links_of(conn, [head.anchor for head in heads]):
            links[owner].append(link)
    return [(head, links[head.anchor]) for head in heads]


async def _orphans(
    db: Database, anchor: UUID | None, verified: Verification, on_break: Callable[[Break], None]
) -> None:
    """Tell the rows whose chain has no head: they were put there past the trigger, or the head is gone."""
    async with db.transaction(isolation="repeatable_read", readonly=True) as conn:
        async for owner, link in store.links_without_head(conn, anchor):
            strange = Break(kind=BreakKind.INSERTED, anchor=owner, row_id=link.row_id, position=link.position)
            _count(verified, [link], [strange], on_break)


def _count(
    verified: Verification, links: Sequence[Link], breaks: Sequence[Break], on_break: Callable[[Break], None]
) -> None:
    verified.rows += len(links)
    verified.breaks += len(breaks)
    for found in breaks:
        on_break(found)
