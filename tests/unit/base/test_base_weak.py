"""Which secrets are none."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.weak import has_default_password, is_guessable_key, is_guessable_secret

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        b"\xff" * 32,
        bytes(range(32)),
        bytes(range(255, 223, -1)),
        bytes(range(0, 256, 8)),
        b"0123456789abcdef0123456789abcdef",
        b"this-is-the-key-of-our-payments!",
        b"\x00\x01" * 16,
    ],
)
def test_a_key_made_by_hand_is_told(key: bytes) -> None:
    assert is_guessable_key(key)


@pytest.mark.parametrize(
    "text",
    [
        "secret" * 8,
        "your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "CHANGE_ME" * 4,
        "x" * 40,
        "ab" * 20,
        "the secret of the tests, of 32 bytes and more",
        "example-example-example-example-",
    ],
)
def test_a_placeholder_is_told(text: str) -> None:
    assert is_guessable_secret(text)


@given(st.integers(0, 1000))
def test_a_random_one_is_not(_: int) -> None:
    assert not is_guessable_key(secrets.token_bytes(32))
    assert not is_guessable_secret(secrets.token_urlsafe(32))
    assert not is_guessable_secret(secrets.token_hex(32))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://postgres:postgres@db/paywon", True),
        ("postgresql://shop:Shop@db/paywon", True),
        ("postgresql://shop:change%2Dme@db/paywon", True),
        ("redis://:password@cache:6379/0", True),
        ("postgresql://shop:Zk3v9Qx1TT@db/paywon", False),
        ("postgresql://shop@db/paywon", False),
        ("postgresql://shop:@db/paywon", False),
        ("postgresql:///paywon?host=/run/postgresql", False),
        ("redis://cache:6379/0", False),
        ("postgresql://shop:postgres@[not an address", False),
    ],
)
def test_a_password_that_everybody_tries_is_told(url: str, told: bool) -> None:
    assert has_default_password(url) is told
