"""Is a webhook Toss's? Verification over the raw body bytes, never over re-serialised JSON (toss/webhooks.md,
Signature).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable

_MAX_SIGNATURES = 16
"""Toss sends one or two; the bound keeps a hostile header cheap."""


def is_signed_by_toss(
    raw: bytes, *, signature_header: str, transmission_time: str, security_keys: Iterable[str]
) -> bool:
    """Whether any `v1:` item of the header is a key's HMAC-SHA256 over `raw + ":" + transmission_time`.

    For `payout.changed` and `seller.changed`, the only signed events. Each key is tried as text and, if it
    is 64 hex digits, as the 32 bytes it stands for: Toss does not say which (toss/webhooks.md, Uncertain).
    Staleness of `transmission_time` is the caller's policy. Raises ValueError for an empty key.
    """
    signed = raw + b":" + transmission_time.encode("utf-8", "surrogatepass")
    given = _v1_items(signature_header)
    matches = [
        hmac.compare_digest(_mac(key, signed), signature)
        for text in security_keys
        for key in _key_bytes(text)
        for signature in given
    ]
    return any(matches)


def is_signed_with_secret(raw: bytes, *, signature: str, secret: str) -> bool:
    """Whether the `toss-signature` header is HMAC-SHA256 of the raw body with the webhook secret, in base64
    or hex.

    Our own convention, for relays and test senders that share our secret: Toss itself sends no such header.
    Raises ValueError for an empty secret, with which anybody could sign.
    """
    expected = _mac(_text_key(secret), raw)
    text = signature.strip()
    given = bytes.fromhex(text) if re.fullmatch(r"[0-9A-Fa-f]{64}", text) else _base64_or_none(text)
    return given is not None and hmac.compare_digest(expected, given)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _text_key(text: str) -> bytes:
    if not text:
        raise ValueError("an empty signing key")
    return text.encode()


def _key_bytes(text: str) -> list[bytes]:
    as_text = _text_key(text)
    return [as_text, bytes.fromhex(text)] if re.fullmatch(r"[0-9A-Fa-f]{64}", text) else [as_text]


def _v1_items(header: str) -> list[bytes]:
    """The decoded signatures of `v1:<base64>,v1:<base64>`; items of other versions or shapes are skipped."""
    items = []
    for item in header.split(",")[:_MAX_SIGNATURES]:
        # Split on the first colon only: base64 holds / + = but no colon or comma.
        version, _, encoded = item.strip().partition(":")
        signature = _base64_or_none(encoded) if version == "v1" else None
        if signature is not None:
            items.append(signature)
    return items


def _base64_or_none(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
