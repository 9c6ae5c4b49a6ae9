"""A chain of closed rows: whatever is done to one, the walk from its head names it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.audit.model import BreakKind, Head, Link, Seal, Sealing, breaks_in, chained

pytestmark = pytest.mark.unit
NOW: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ANCHOR: Final = UUID(int=7)
Chain = tuple[Head, list[Link]]


def digest(number: int) -> bytes:
    return hashlib.sha256(b"row %d" % number).digest()


def chain(length: int) -> Chain:
    links, before = [], b""
    for number in range(1, length + 1):
        before = chained(before, digest(number))
        closed_at = NOW + timedelta(seconds=number)
        link = Link(row_id=UUID(int=number), position=number, stored=before, digest=digest(number), closed_at=closed_at)
        links.append(link)
    return Head(anchor=ANCHOR, length=length, hash=before), links


def found(head: Head, links: list[Link]) -> set[tuple[str, int | None]]:
    return {(broken.kind, broken.row_id.int if broken.row_id else broken.position) for broken in breaks_in(head, links)}


@given(st.integers(1, 9), st.randoms())
def test_a_whole_chain_has_no_break_in_whatever_order_its_rows_come(length: int, random: object) -> None:
    head, links = chain(length)
    random.shuffle(links)  # type: ignore[attr-defined]
    assert found(head, links) == set()


@pytest.mark.parametrize("place", range(5))
def test_a_changed_row(place: int) -> None:
    head, links = chain(5)
    links[place] = replace(links[place], digest=digest(99))
    assert found(head, links) == {("changed", place + 1)}


@pytest.mark.parametrize("place", range(5))
def test_a_changed_row_whose_hash_was_made_to_fit_shows_on_the_next_one(place: int) -> None:
    head, links = chain(5)
    before = links[place - 1].stored if place else b""
    assert before is not None
    links[place] = replace(links[place], digest=digest(99), stored=chained(before, digest(99)))
    assert found(head, links) == {("changed", min(place + 2, 5))}


@pytest.mark.parametrize("gone", [{1}, {3}, {5}, {2, 3}, {4, 5}, {1, 2, 3, 4, 5}])
def test_removed_rows(gone: set[int]) -> None:
    head, links = chain(5)
    assert found(head, [link for link in links if link.position not in gone]) == {("removed", place) for place in gone}


def test_a_removed_row_whose_gap_was_closed() -> None:
    head, links = chain(5)
    rest = [links[0], *(replace(link, position=(link.position or 0) - 1) for link in links[2:])]
    assert ("removed", 2) in found(head, rest)


@pytest.mark.parametrize("place", [1, 3, 5, 6, None])
def test_an_inserted_row(place: int | None) -> None:
    head, links = chain(5)
    strange = Link(row_id=UUID(int=99), position=place, stored=b"x", digest=digest(99), closed_at=NOW)
    assert found(head, [strange, *links]) == {("inserted", 99)}


def test_an_inserted_row_whose_hash_fits() -> None:
    head, links = chain(5)
    assert links[1].stored is not None
    fits = chained(links[1].stored, digest(99))
    strange = Link(row_id=UUID(int=99), position=3, stored=fits, digest=digest(99), closed_at=NOW)
    assert found(head, [strange, *links]) == {("inserted", 99)}


@pytest.mark.parametrize("place", [1, 3, 5, 6])
def test_a_forged_copy_of_a_row_with_the_rows_own_hash(place: int) -> None:
    head, links = chain(5)
    forged = replace(links[2], row_id=UUID(int=99), position=place, digest=digest(99))
    assert found(head, [forged, *links]) == found(head, [*links, forged]) == {("inserted", 99)}


def test_an_inserted_row_that_shifts_the_others() -> None:
    head, links = chain(3)
    strange = Link(row_id=UUID(int=99), position=2, stored=b"x", digest=digest(99), closed_at=NOW)
    shifted = [links[0], strange, *(replace(link, position=(link.position or 0) + 1) for link in links[1:])]
    assert found(head, shifted) == {("inserted", 99), ("reordered", 2), ("reordered", 3)}


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (0, 4), (3, 4)])
def test_reordered_rows(one: int, other: int) -> None:
    head, links = chain(5)
    swapped = {one: links[other].position, other: links[one].position}
    moved = [replace(link, position=swapped.get(place, link.position)) for place, link in enumerate(links)]
    assert found(head, moved) == {("reordered", one + 1), ("reordered", other + 1)}


@pytest.mark.parametrize("change", [lambda head: replace(head, length=6), lambda head: replace(head, length=4)])
def test_a_head_that_was_changed(change: Callable[[Head], Head]) -> None:
    head, links = chain(5)
    assert found(change(head), links)


@given(st.integers(1, 6), st.data())
def test_no_single_harm_goes_unseen(length: int, data: st.DataObject) -> None:
    head, links = chain(length)
    place = data.draw(st.integers(0, length - 1))
    kind = data.draw(st.sampled_from(BreakKind))
    if kind is BreakKind.CHANGED:
        links[place] = replace(links[place], digest=digest(99))
    elif kind is BreakKind.REMOVED:
        del links[place]
    elif kind is BreakKind.INSERTED:
        links.append(replace(links[place], row_id=UUID(int=99), digest=digest(99)))
    else:
        links[place] = replace(links[place], position=length + 1)
    assert kind in {broken.kind for broken in breaks_in(head, links)}


def test_a_seal_is_of_a_moment_and_can_be_made_again_later() -> None:
    until = NOW + timedelta(seconds=3)
    then, later, _other = Sealing(until), Sealing(until), Sealing(until)
    then.add(ANCHOR, chain(3)[1])
    later.add(ANCHOR, chain(5)[1])
    later.add(UUID(int=8), [replace(chain(1)[1][0], closed_at=NOW + timedelta(hours=1))])
    assert then.seal() == later.seal() == Seal.parse(str(then.seal()))
    assert then.seal().rows == 3


@pytest.mark.parametrize("harm", [{"digest": digest(99)}, {"stored": b"x"}])
def test_a_seal_is_about_the_hashes(harm: dict[str, bytes]) -> None:
    made, harmed = Sealing(NOW + timedelta(hours=1)), Sealing(NOW + timedelta(hours=1))
    links = chain(3)[1]
    made.add(ANCHOR, links)
    harmed.add(ANCHOR, [*links[:2], replace(links[2], **harm)])  # type: ignore[arg-type]
    # A changed row alone leaves its hash: that is what the walk is for. A rebuilt chain changes the seal.
    assert (made.seal() == harmed.seal()) is ("digest" in harm)


@pytest.mark.parametrize("text", ["", "x", "20261122T030000Z-1-00", "2026-1-" + "0" * 64])
def test_what_is_no_seal(text: str) -> None:
    with pytest.raises(ValueError, match="seal"):
        Seal.parse(text)
