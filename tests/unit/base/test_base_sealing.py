"""What is sealed opens for its ring and its purpose, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.sealing import CannotOpen, KeyRing, new_key

OLD, NEW = bytes(32), bytes(range(32))


@given(st.binary(max_size=500), st.text(max_size=20))
def test_what_was_sealed_comes_back(value: bytes, purpose: str) -> None:
    ring = KeyRing([NEW])
    assert ring.open(ring.seal(value, purpose=purpose), purpose=purpose) == value


def test_nothing_shows_and_no_two_seals_are_alike() -> None:
    ring = KeyRing([NEW])
    first, second = (ring.seal(b"billing-key", purpose="p") for _ in range(2))
    assert first != second
    assert b"billing-key" not in first


def test_another_purpose_does_not_open() -> None:
    ring = KeyRing([NEW])
    with pytest.raises(CannotOpen, match="another purpose"):
        ring.open(ring.seal(b"x", purpose="row 1"), purpose="row 2")


@pytest.mark.parametrize("at", [0, 1, 5, 20, -1])
def test_a_changed_byte_does_not_open(at: int) -> None:
    ring = KeyRing([NEW])
    sealed = bytearray(ring.seal(b"x" * 20, purpose="p"))
    sealed[at] ^= 1
    with pytest.raises(CannotOpen):
        ring.open(bytes(sealed), purpose="p")


def test_a_ring_opens_with_every_key_and_seals_with_the_first() -> None:
    old = KeyRing([OLD]).seal(b"x", purpose="p")
    both = KeyRing([NEW, OLD])
    assert both.open(old, purpose="p") == b"x"
    assert not both.is_current(old)
    assert both.is_current(both.seal(b"x", purpose="p"))
    with pytest.raises(CannotOpen, match="not in PAYWON_SECRET_KEYS"):
        KeyRing([NEW]).open(old, purpose="p")


def test_a_secret_is_found_under_each_key() -> None:
    old, both = KeyRing([OLD]), KeyRing([NEW, OLD])
    assert old.digest("k", purpose="p") in both.digests("k", purpose="p")
    assert both.digest("k", purpose="p") == both.digests("k", purpose="p")[0]
    assert both.digest("k", purpose="p") != both.digest("k", purpose="q")


@pytest.mark.parametrize("text", ["", "short", "not base64!", "c2hvcnQ=", f"{'A' * 43}=,"])
def test_a_bad_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        KeyRing.parse(text)


def test_a_new_key_makes_a_ring() -> None:
    assert KeyRing.parse(f"{new_key()}, {new_key()}").seal(b"x", purpose="p")
