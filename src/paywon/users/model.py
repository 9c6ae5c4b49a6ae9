"""Which user tokens hold. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class TokenAlgorithm(StrEnum):
    """How tokens are signed. It is a setting, and never taken from a token."""

    HS256 = "HS256"
    RS256 = "RS256"
    ES256 = "ES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """Which tokens hold."""

    algorithm: TokenAlgorithm
    issuer: str
    audience: str
