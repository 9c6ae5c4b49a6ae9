"""Basic authentication with a test secret key (toss/api.md 1.1)."""

from __future__ import annotations

import base64
import binascii
import re

from paywon_sandbox import inferred
from paywon_sandbox.core.errors import TossError

_SECRET_KEY = re.compile(r"test_g?sk_[A-Za-z0-9_-]+", re.ASCII)


def secret_key(header: str | None) -> str:
    """The key of an Authorization header.

    Raises UNAUTHORIZED_KEY for anything that is no test secret key, and the missing-colon code when the colon
    was not encoded along.
    """
    scheme, _, encoded = (header or "").strip().partition(" ")
    if scheme.lower() != "basic":
        raise TossError("UNAUTHORIZED_KEY")
    decoded = _decode(encoded.strip())
    key, colon, password = decoded.partition(":")
    if not _SECRET_KEY.fullmatch(key) or password:
        raise TossError("UNAUTHORIZED_KEY")
    if not colon:
        raise TossError(inferred.MISSING_COLON)
    return key


def _decode(encoded: str) -> str:
    """Padded and unpadded base64 are accepted (toss/api.md 1.1 [1src])."""
    bare = encoded.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode()
    except (binascii.Error, ValueError) as problem:
        raise TossError("UNAUTHORIZED_KEY") from problem
