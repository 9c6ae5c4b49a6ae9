"""One chain of closed attempts, and where it is broken. Pure.

A row's hash is SHA-256 of the hash before it and of the row's own digest; the first has nothing before it. The head
knows how many rows there are and the last one's hash, so that the end cannot be cut off unseen.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

_START: Final = b""
# A row may be closed by a clock, and committed, a little after; a note of the heads leaves these out.
SETTLED_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One row of ``audit_heads``; ``anchor`` is a payment, a billing key, or the day of what is about neither."""

    anchor: UUID
    length: int
    hash: bytes


def day_of(anchor: UUID) -> date | None:
    """Answer the day, by UTC, that an anchor such as ``…-000020261122`` stands for; None for other anchors."""
    try:
        return datetime.strptime(f"{anchor.int:032x}".removeprefix("0" * 24), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a closed attempt has of its chain; ``digest`` is of what the row holds now."""

    row_id: UUID
    position: int | None
    stored: bytes | None
    digest: bytes
    closed_at: datetime | None


class BreakKind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One row that is not as it was closed. ``row_id`` is None for a row that is gone, ``position`` where none is."""

    kind: BreakKind
    anchor: UUID
    row_id: UUID | None
    position: int | None


def chained(before: bytes, digest: bytes) -> bytes:
    """Answer the hash of a row after another; the trigger ``chain_attempt`` does the same."""
    return hashlib.sha256(before + digest).digest()


def breaks_in(head: Head, links: Sequence[Link]) -> list[Break]:
    """Follow a chain from its head to its start and name each row that does not fit.

    Where a row's content and hash were both changed, it is the row after it that does not fit, or the head.
    """
    trail = _Trail(head, links)
    return [*trail.walk(), *trail.leftovers()]


class _Trail:
    def __init__(self, head: Head, links: Sequence[Link]) -> None:
        self._head = head
        self._left = {link.row_id: link for link in links}
        self._places: dict[int | None, list[Link]] = defaultdict(list)
        self._by_hash: dict[bytes, list[Link]] = defaultdict(list)
        for link in links:
            self._places[link.position].append(link)
            if link.stored is not None:
                self._by_hash[link.stored].append(link)

    def walk(self) -> Iterator[Break]:
        wanted: bytes | None = self._head.hash
        for position in range(self._head.length, 0, -1):
            link = self._taken(self._with_hash(wanted, position)) if wanted is not None else None
            if link is not None and link.position != position:
                yield self._break(BreakKind.REORDERED, link, position)
            if link is None:
                link = self._taken(self._at(position))
                if link is None:
                    yield Break(kind=BreakKind.REMOVED, anchor=self._head.anchor, row_id=None, position=position)
                    wanted = None
                    continue
                if wanted is not None:
                    yield self._break(BreakKind.CHANGED, link, position)
                    wanted = self._before(link, position)
                    continue
            wanted = self._before(link, position)
            # Without the row before it nothing can be said of this one; that row is missing, and told next.
            if wanted is None and (position == 1 or self._at(position - 1) is not None):
                yield self._break(BreakKind.CHANGED, link, position)

    def leftovers(self) -> Iterator[Break]:
        for link in self._left.values():
            yield self._break(BreakKind.INSERTED, link, link.position)

    def _taken(self, link: Link | None) -> Link | None:
        return self._left.pop(link.row_id, None) if link is not None else None

    def _with_hash(self, wanted: bytes, position: int) -> Link | None:
        """Find the row that has a hash; of a row and its forged copies, the one whose content the hash is of."""
        found = [link for link in self._by_hash.get(wanted, ()) if link.row_id in self._left]
        if len(found) > 1:
            found.sort(key=lambda link: (self._before(link, position) is None, link.position != position))
        return found[0] if found else None

    def _at(self, position: int) -> Link | None:
        return next((link for link in self._places.get(position, ()) if link.row_id in self._left), None)

    def _before(self, link: Link, position: int) -> bytes | None:
        """Find the hash that a row was chained to: at best the one at the place before, else any; None if none fits."""
        if position == 1:
            return _START if chained(_START, link.digest) == link.stored else None
        near = self._at(position - 1)
        candidates = [near.stored] if near is not None and near.stored is not None else []
        for before in (*candidates, *self._by_hash):
            if before is not None and chained(before, link.digest) == link.stored:
                return before
        return None

    def _break(self, kind: BreakKind, link: Link, position: int | None) -> Break:
        return Break(kind=kind, anchor=self._head.anchor, row_id=link.row_id, position=position)


# --- A note of all heads, to be kept elsewhere ----------------------------------------------------------

_FORM: Final = re.compile(r"(\d{8}T\d{6}Z)-(\d+)-([0-9a-f]{64})")
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Seal:
    """All chains as they stood at a moment: how many rows, and a SHA-256 over the place and hash that each had reached.

    It can be made again at any later time, for closed rows do not change. Whoever rebuilds the chains changes it.
    """

    until: datetime
    rows: int
    digest: str

    def __str__(self) -> str:
        return f"{self.until.astimezone(UTC):{_STAMP}}-{self.rows}-{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Seal":
        """Read a seal back.

        Raises:
            ValueError: it is none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError("a seal looks like 20261122T030000Z-1234-9f…")
        until = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
        return cls(until, int(found[2]), found[3])


class Sealing:
    """Makes a seal from chain after chain, in the order of their anchors."""

    def __init__(self, until: datetime) -> None:
        self._until, self._rows, self._hash = until.replace(microsecond=0), 0, hashlib.sha256()

    def add(self, anchor: UUID, links: Sequence[Link]) -> None:
        """Take in a chain as far as it had come by the moment of the seal."""
        reached = [
            (link.position, link.stored)
            for link in links
            if link.closed_at is not None and link.closed_at <= self._until and link.position and link.stored
        ]
        if reached:
            position, stored = max(reached)
            self._rows += position
            self._hash.update(anchor.bytes + position.to_bytes(8, "big") + stored)

    def seal(self) -> Seal:
        return Seal(self._until, self._rows, self._hash.hexdigest())
