"""Encrypted bodies of payouts v2: compact JWE, `dir` and `A256GCM`, with the security key (toss/api.md 13)."""

from __future__ import annotations

import re
import uuid

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from paywon_sandbox import inferred
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.settings import MAX_BODY_BYTES

_ALGORITHMS = {"alg": "dir", "enc": "A256GCM"}
# ISO-8601 with offset, no milliseconds.
_IAT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)", re.ASCII)


class _Registry(jwe.JWERegistry):
    max_ciphertext_length = 2 * MAX_BODY_BYTES


# `iat` and `nonce` are headers of Toss's own.
_REGISTRY = _Registry(algorithms=list(_ALGORITHMS.values()), strict_check_header=False)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was in a token, and the security key that opened it."""

    plaintext: bytes
    nonce: str
    security_key: str


def seal(plaintext: bytes, security_key: str, issued_at: str) -> bytes:
    """A token with a nonce of its own."""
    header = _ALGORITHMS | {"iat": issued_at, "nonce": str(uuid.uuid4())}
    return jwe.encrypt_compact(header, plaintext, _key(security_key), registry=_REGISTRY).encode()


def unseal(token: bytes, security_keys: list[str]) -> Opened:
    """Open with whichever key fits. Raises for anything that is not such a token."""
    for security_key in security_keys:
        try:
            opened = jwe.decrypt_compact(token.strip(), _key(security_key), registry=_REGISTRY)
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        nonce = _checked_nonce(opened.headers())
        return Opened(plaintext=opened.plaintext or b"", nonce=nonce, security_key=security_key)
    raise TossError(inferred.UNREADABLE_BODY)


def _checked_nonce(header: dict[str, object]) -> str:
    """`iat` and a UUID as `nonce` must be there; how old a token may be is not documented."""
    nonce = str(header.get("nonce"))
    try:
        uuid.UUID(nonce)
    except ValueError as problem:
        raise TossError(inferred.UNREADABLE_BODY) from problem
    if not _IAT.fullmatch(str(header.get("iat"))):
        raise TossError(inferred.UNREADABLE_BODY)
    return nonce


def _key(security_key: str) -> OctKey:
    """The 64 hex characters stand for 32 bytes."""
    return OctKey.import_key(bytes.fromhex(security_key))
