"""Reading user tokens: JWTs (RFC 7519) that an application signs for its users. Pure; the cryptography is joserfc's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from paywon.users.model import TokenAlgorithm, TokenPolicy

MAX_TOKEN_CHARS: Final = 8192
"""No token of a user is longer; what is, is not even looked at."""
LEEWAY_S: Final = 30
"""How far the clocks of issuer and paywon may be apart."""
MIN_SECRET_BYTES: Final = 32
"""RFC 7518, 3.2: a key of HS256 has at least as many bits as its hash."""
MIN_RSA_BITS: Final = 2048
_MAX_HEADER_CHARS: Final = 2048
_P256: Final = "P-256"


class TokenRefused(Exception):  # noqa: N818 - what the caller is told is said elsewhere
    """A token that opens nothing; the message is for the log, and never holds the token."""


class TokenIsOver(TokenRefused):
    """A genuine token whose time has passed."""


def key_id_of(token: str) -> str | None:
    """Read which key a token says it was signed with. Nothing of it is proven, so it may only choose among our keys.

    Raises:
        TokenRefused: it is no token.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise TokenRefused("too long")
    try:
        header: Any = extract_compact(token.encode(), registry=_registry()).headers()
        key_id = header.get("kid")
    # A header may be any JSON that somebody made up, nested as deep as it fits.
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise TokenRefused(f"is no token: {type(error).__name__}") from None
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRefused("kid is no text")
    return key_id


def subject_of(token: str, key: Key, policy: TokenPolicy, now: datetime) -> str:
    """Verify a token with a key and answer whom it is about.

    Raises:
        TokenRefused: signature, algorithm or a claim does not hold.
        TokenIsOver: all of it holds, but its time has passed.
    """
    try:
        claims = jwt.decode(token, key, registry=_registry(policy.algorithm)).claims
        _rules(policy, now).validate(claims)
    except ExpiredTokenError:
        raise TokenIsOver("its time has passed") from None
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(f"{type(error).__name__}: {error}") from None
    subject: str = claims["sub"]
    return subject


def _rules(policy: TokenPolicy, now: datetime) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": policy.issuer},
        aud={"essential": True, "value": policy.audience},
        exp={"essential": True},
        sub={"essential": True},
    )


def _registry(algorithm: TokenAlgorithm | None = None) -> JWSRegistry:
    # Headers that mean nothing to us do no harm; those that must be understood (crit) are refused all the same.
    registry = JWSRegistry(algorithms=[algorithm] if algorithm else None, strict_check_header=False)
    registry.max_header_length = _MAX_HEADER_CHARS
    return registry


def secret_key(secret: str) -> Key:
    """Make the key of HS256.

    Raises:
        ValueError: too short, or a public key, which everybody knows.
    """
    raw = secret.encode()
    if len(raw) < MIN_SECRET_BYTES or b"-----BEGIN" in raw:
        raise ValueError
    return OctKey.import_key(raw)


def public_key(pem: str, algorithm: TokenAlgorithm) -> Key:
    """Read a public key in PEM.

    Raises:
        ValueError: it is none, a private one, too weak, or of another kind than the algorithm needs.
    """
    return _imported(pem.encode(), algorithm)


def key_of_set(entry: Mapping[str, Any], algorithm: TokenAlgorithm) -> Key | None:
    """Read one entry of a JWK Set; None for what is not meant to verify such tokens, or is too weak to."""
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        return _imported(dict(entry), algorithm)
    except ValueError:
        return None


def _imported(written: bytes | dict[str, Any], algorithm: TokenAlgorithm) -> Key:
    try:
        key = (ECKey if algorithm is TokenAlgorithm.ES256 else RSAKey).import_key(written)
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError(f"not a key for {algorithm}") from error
    strong = key.curve_name == _P256 if isinstance(key, ECKey) else key.raw_value.key_size >= MIN_RSA_BITS
    if key.is_private or not strong:
        raise ValueError(f"not a public key for {algorithm}")
    return key
