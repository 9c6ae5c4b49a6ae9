"""User tokens as an application signs them, and as somebody forges them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import Key, OctKey
from joserfc.jws import JWSRegistry

ISSUER: Final = "https://shop.example"
AUDIENCE: Final = "paywon"
SECRET: Final = "the secret of the tests, of 32 bytes and more"
USERS: Final = {
    "PAYWON_JWT_ALGORITHM": "HS256",
    "PAYWON_JWT_SECRET": SECRET,
    "PAYWON_JWT_ISSUER": ISSUER,
    "PAYWON_JWT_AUDIENCE": AUDIENCE,
}
"""Settings of a paywon that takes them."""
EVERY_SCOPE: Final = "orders:read,orders:write,payments:read,payments:write,refunds:write"
"""What users may do at most; by default they place no orders and refund nothing."""


def claims_of(user: Any, **changes: Any) -> dict[str, Any]:
    """The claims of a good token; what is changed to None is left out."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": int(time.time()) + 86_400, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def token_of(user: str, **changes: Any) -> str:
    """A token as the application signs it for a user, with some claims changed."""
    return signed(claims_of(user, **changes))


def signed(claims: dict[str, Any], *, key: Key | None = None, algorithm: str = "HS256", **header: Any) -> str:
    """Sign claims as they are."""
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode({"alg": algorithm, **header}, claims, key or OctKey.import_key(SECRET), registry=registry)


def forged(header: Any, payload: Any, *, secret: bytes = b"") -> str:
    """A token with whatever header and payload, signed with HMAC if there is a secret; no library would make it."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    told = b".".join(map(_base64, parts))
    signature = _base64(hmac.digest(secret, told, hashlib.sha256)) if secret else b""
    return (told + b"." + signature).decode()


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
