"""What the settings of user tokens have to be together, and the key that they make."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from paywon.users.model import TokenAlgorithm

if TYPE_CHECKING:
    from joserfc.jwk import Key

TOKEN_FIELDS: Final = frozenset(
    {"jwt_algorithm", "jwt_secret", "jwt_public_key", "jwt_jwks_url", "jwt_issuer", "jwt_audience"}
)


def token_key(algorithm: TokenAlgorithm | None, public: str | None, secret: SecretStr | None) -> "Key | None":
    """Make the key of user tokens, unless it is fetched.

    Raises:
        ValueError: it cannot be used.
    """
    from paywon.users.tokens import public_key, secret_key  # takes a while, and most commands need none

    if algorithm is not None and public is not None:
        # An environment file has it in one line.
        return public_key(public.replace("\\n", "\n"), algorithm)
    return None if secret is None else secret_key(secret.get_secret_value())


def token_trouble(values: Mapping[str, Any]) -> str | None:
    """Say what is wrong with PAYWON_JWT_…, if anything is: what is half set would let in nobody, or anybody."""
    sources = {
        "PAYWON_JWT_SECRET": values["jwt_secret"],
        "PAYWON_JWT_PUBLIC_KEY": values["jwt_public_key"],
        "PAYWON_JWT_JWKS_URL": values["jwt_jwks_url"],
    }
    whose = {"PAYWON_JWT_ISSUER": values["jwt_issuer"], "PAYWON_JWT_AUDIENCE": values["jwt_audience"]}
    given = [name for name, value in sources.items() if value is not None]
    algorithm = values["jwt_algorithm"]
    if algorithm is None:
        needless = given + [name for name, value in whose.items() if value is not None]
        return f"PAYWON_JWT_ALGORITHM이 없습니다 / is not set, but {', '.join(needless)}" if needless else None
    if missing := [name for name, value in whose.items() if value is None]:
        return f"{', '.join(missing)}: 없습니다 / is not set, but PAYWON_JWT_ALGORITHM"
    is_secret = algorithm is TokenAlgorithm.HS256
    fitting = ["PAYWON_JWT_SECRET"] if is_secret else ["PAYWON_JWT_PUBLIC_KEY", "PAYWON_JWT_JWKS_URL"]
    if len(given) != 1 or given[0] not in fitting:
        one = " | ".join(fitting)
        return f"{algorithm}: {one} 하나만 넣으세요 / takes exactly one of these, and no other key"
    try:
        token_key(algorithm, values["jwt_public_key"], values["jwt_secret"])
    except ValueError:
        form = "32바이트 이상 / at least 32 bytes" if is_secret else "PEM (RSA 2048+, EC P-256), 공개 키 / a public key"
        return f"{given[0]}: {form}"
    return None
