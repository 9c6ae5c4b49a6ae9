"""Signatures, made here with the standard library alone and checked by the package."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.toss.signature import is_signed_by_toss, is_signed_with_secret

pytestmark = pytest.mark.unit

KEY = "00112233445566778899aabbccddeeff" * 2
OTHER = "ff" * 32
RAW = '{"eventType":"payout.changed","설명":"8월"}'.encode()
TIME = "2024-09-05T12:19:21+09:00"


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _item(key: bytes, raw: bytes = RAW, time: str = TIME) -> str:
    return "v1:" + base64.b64encode(_mac(key, raw + b":" + time.encode())).decode()


def _verify(header: str, *, raw: bytes = RAW, time: str = TIME, keys: tuple[str, ...] = (KEY,)) -> bool:
    return is_signed_by_toss(raw, signature_header=header, transmission_time=time, security_keys=keys)


def test_the_key_counts_as_text_and_as_bytes() -> None:
    assert _verify(_item(KEY.encode()))
    assert _verify(_item(bytes.fromhex(KEY)))


def test_any_one_of_several_signatures_and_keys_suffices() -> None:
    assert _verify(f"{_item(OTHER.encode())}, {_item(KEY.encode())}")
    assert _verify(_item(KEY.encode()), keys=(OTHER, KEY))


def test_what_was_changed_is_refused() -> None:
    good = _item(KEY.encode())
    assert not _verify(good, raw=RAW + b" ")
    assert not _verify(good, time="2024-09-05T12:19:22+09:00")
    assert not _verify(good, keys=(OTHER,))
    assert not _verify(good.replace("v1:", "v2:"))
    assert not _verify(good[:-4])
    assert not _verify(good, keys=())


@pytest.mark.parametrize("header", ["", "v1:", "v1", ",,,", "v1:!!!", "v1:가나다", "::", "v1:AAAA"])
def test_a_broken_header_is_refused(header: str) -> None:
    assert not _verify(header)


def test_the_hash_is_over_body_colon_time() -> None:
    swapped = _mac(KEY.encode(), TIME.encode() + b":" + RAW)
    assert not _verify("v1:" + base64.b64encode(swapped).decode())


def test_an_empty_key_is_an_error_and_no_key_that_anybody_has() -> None:
    with pytest.raises(ValueError, match="empty signing key"):
        _verify(_item(b""), keys=("",))
    with pytest.raises(ValueError, match="empty signing key"):
        is_signed_with_secret(RAW, signature="x", secret="")


def test_our_own_header_in_base64_and_hex() -> None:
    mac = _mac(b"whsec", RAW)
    for text in (base64.b64encode(mac).decode(), mac.hex(), mac.hex().upper(), f" {mac.hex()} "):
        assert is_signed_with_secret(RAW, signature=text, secret="whsec")
        assert not is_signed_with_secret(RAW + b"x", signature=text, secret="whsec")
        assert not is_signed_with_secret(RAW, signature=text, secret="other")


@given(st.text(), st.text(), st.binary())
def test_nothing_forged_passes_and_nothing_raises(header: str, time: str, raw: bytes) -> None:
    assert not _verify(header, raw=raw, time=time)
    assert not is_signed_with_secret(raw, signature=header, secret="whsec")
