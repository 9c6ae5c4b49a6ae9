"""Client keys. A client key and a secret key are of one pair when they differ in the kind only:

`test_ck_X` ↔ `test_sk_X`, `test_gck_X` ↔ `test_gsk_X`. Real pairs do not look alike; this is the sandbox's own
convention.
"""

from __future__ import annotations

import base64
import re

from paywon_sandbox.core.errors import TossError
from paywon_sandbox.doors.auth import secret_key

_CLIENT_KEY = re.compile(r"test_(g?)ck_([A-Za-z0-9_-]+)", re.ASCII)


def client_key(secret: str) -> str:
    """The client key of a secret key's pair."""
    return secret.replace("sk_", "ck_", 1)


def paired_secret_key(client_key: str) -> str:
    """The secret key of a client key's pair. Raises INVALID_CLIENT_KEY for anything else."""
    match = _CLIENT_KEY.fullmatch(client_key)
    if match is None:
        raise TossError("INVALID_CLIENT_KEY")
    return f"test_{match[1]}sk_{match[2]}"


def account_key(header: str | None) -> str:
    """The secret key that a Basic header stands for: itself, or the one of the client key's pair."""
    encoded = (header or "").strip().partition(" ")[2].strip().rstrip("=")
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except ValueError:
        text = ""
    return paired_secret_key(text.removesuffix(":")) if _CLIENT_KEY.match(text) else secret_key(header)
