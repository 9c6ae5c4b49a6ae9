"""Every setting, read once from the environment, frozen, and passed down."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from paywon.base.networks import Network, parse_networks
from paywon.base.sealing import KeyRing
from paywon.operators.model import USER_SCOPES
from paywon.users.model import TokenAlgorithm, TokenPolicy

if TYPE_CHECKING:
    from joserfc.jwk import Key

TOSS_BASE_URL: Final = "https://api.tosspayments.com"
_CACHE_SCHEMES: Final = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})
_ORIGIN: Final = re.compile(r"https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
T = TypeVar("T", bound="DatabaseSettings")


class DatabaseSettings(BaseSettings):
    """What `paywon migrate` and `paywon keys` must know."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    database_url: str = Field(alias="DATABASE_URL")


class Settings(DatabaseSettings):
    """What a process of paywon must know; times in seconds, unless the name says otherwise."""

    # May hold a password.
    redis_url: SecretStr | None = Field(default=None, alias="REDIS_URL")

    toss_base_url: str = Field(default=TOSS_BASE_URL, alias="TOSS_PAYMENTS_BASE_URL")
    toss_secret_key: SecretStr = Field(alias="TOSS_PAYMENTS_SECRET_KEY")
    toss_client_key: str | None = Field(default=None, alias="TOSS_PAYMENTS_CLIENT_KEY")
    toss_webhook_secret: SecretStr | None = Field(default=None, alias="TOSS_PAYMENTS_WEBHOOK_SECRET")
    # 32 bytes each, base64, commas between them: the first seals, all open. `paywon secrets new` makes one.
    secret_keys: SecretStr = Field(alias="PAYWON_SECRET_KEYS")
    # Where Toss sends the customer back to, unless a payment request says otherwise.
    app_base_url: str = Field(default="http://localhost:3000", alias="APP_BASE_URL")

    host: str = Field(default="127.0.0.1", alias="PAYWON_HOST")
    port: int = Field(default=3000, ge=1, le=65535, alias="PAYWON_PORT")
    workers: int = Field(default=1, ge=1, alias="PAYWON_WORKERS")
    # True while `paywon dev` runs: serves the demo shop and never anything else that production would not.
    dev_mode: bool = Field(default=False, alias="PAYWON_DEV")
    home: Path = Field(default=Path(".paywon"), alias="PAYWON_HOME")
    sandbox_url: str | None = Field(default=None, alias="PAYWON_SANDBOX_URL")
    log_level: str = Field(default="INFO", alias="PAYWON_LOG_LEVEL")

    max_connections: int = Field(default=10, ge=2, alias="PAYWON_DB_CONNECTIONS")
    connect_timeout_s: float = Field(default=3.0, gt=0, alias="PAYWON_TOSS_CONNECT_TIMEOUT_S")
    read_timeout_s: float = Field(default=30.0, gt=0, alias="PAYWON_TOSS_READ_TIMEOUT_S")
    answer_budget_s: float = Field(default=9.0, gt=0, le=10, alias="PAYWON_ANSWER_BUDGET_S")
    resolve_after_s: float = Field(default=10.0, gt=0, alias="PAYWON_RESOLVE_AFTER_S")
    order_ttl_s: float = Field(default=1800.0, gt=0, alias="PAYWON_ORDER_TTL_S")
    # How long a deposit is watched before anything is handed over: banks take some back within minutes.
    deposit_hold_s: float = Field(default=150.0, ge=0, alias="PAYWON_DEPOSIT_HOLD_S")
    max_body_kb: int = Field(default=256, ge=1, alias="PAYWON_MAX_BODY_KB")
    body_timeout_s: float = Field(default=20.0, gt=0, alias="PAYWON_BODY_TIMEOUT_S")
    # Longer than proxies keep an idle connection (60 s): one that we close is never one they are about to use.
    keep_alive_s: float = Field(default=75.0, ge=1, alias="PAYWON_KEEP_ALIVE_S")

    # Tokens of an app's own users; without an algorithm there are none. It says which of the next three is wanted.
    jwt_algorithm: TokenAlgorithm | None = Field(default=None, alias="PAYWON_JWT_ALGORITHM")
    jwt_secret: SecretStr | None = Field(default=None, alias="PAYWON_JWT_SECRET")
    jwt_public_key: str | None = Field(default=None, alias="PAYWON_JWT_PUBLIC_KEY")
    jwt_jwks_url: str | None = Field(default=None, alias="PAYWON_JWT_JWKS_URL")
    jwt_issuer: str | None = Field(default=None, alias="PAYWON_JWT_ISSUER")
    jwt_audience: str | None = Field(default=None, alias="PAYWON_JWT_AUDIENCE")
    user_scopes: str = Field(default=",".join(sorted(USER_SCOPES)), alias="PAYWON_USER_SCOPES")
    cors_origins: str | None = Field(default=None, alias="PAYWON_CORS_ORIGINS")

    # Requests a minute of one sender; 0 is no limit.
    rate_per_minute: int = Field(default=6000, ge=0, alias="PAYWON_RATE_PER_MINUTE")
    user_rate_per_minute: int = Field(default=120, ge=0, alias="PAYWON_RATE_PER_MINUTE_USER")
    address_rate_per_minute: int = Field(default=300, ge=0, alias="PAYWON_RATE_PER_MINUTE_ADDRESS")
    webhook_rate_per_minute: int = Field(default=3000, ge=0, alias="PAYWON_RATE_PER_MINUTE_WEBHOOK")
    trusted_proxies: str | None = Field(default=None, alias="PAYWON_TRUSTED_PROXIES")
    # True where browsers reach the API by https: they are told never to try without.
    https: bool = Field(default=False, alias="PAYWON_HTTPS")

    @field_validator("secret_keys")
    @classmethod
    def _readable_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            KeyRing.parse(keys.get_secret_value())
        except ValueError:
            raise ValueError(
                "32바이트 키를 base64로, 쉼표로 구분해 넣으세요 (paywon secrets new) / "
                "has to be base64 keys of 32 bytes with commas between them (paywon secrets new)"
            ) from None
        return keys

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in _CACHE_SCHEMES:
            raise ValueError(
                "redis://, rediss://, valkey://, valkeys://, unix:// 가운데 하나로 시작해야 합니다 / "
                "has to begin with redis://, rediss://, valkey://, valkeys:// or unix://"
            )
        return url

    @field_validator("user_scopes")
    @classmethod
    def _scopes_of_users(cls, text: str) -> str:
        if unknown := set(_parts(text)) - USER_SCOPES:
            every = ", ".join(sorted(USER_SCOPES))
            raise ValueError(f"사용자에게 줄 수 없습니다 / users cannot be given {', '.join(sorted(unknown))}: {every}")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, text: str | None) -> str | None:
        for origin in _parts(text):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"https://host[:port] 꼴이어야 합니다 / has to be https://host[:port]: {origin}")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str | None) -> str | None:
        parse_networks(text or "")
        return text

    @field_validator("jwt_jwks_url")
    @classmethod
    def _safe_to_fetch(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://none")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
            raise ValueError("https://로 시작해야 합니다 / has to begin with https://")
        return url

    @model_validator(mode="after")
    def _tokens_can_be_verified(self) -> Self:
        if trouble := _token_trouble(self):
            raise ValueError(trouble)
        return self

    @property
    def token_policy(self) -> TokenPolicy | None:
        """Which user tokens hold; None where there are none."""
        if self.jwt_algorithm is None or self.jwt_issuer is None or self.jwt_audience is None:
            return None
        return TokenPolicy(algorithm=self.jwt_algorithm, issuer=self.jwt_issuer, audience=self.jwt_audience)

    @property
    def token_key(self) -> "Key | None":
        """The key of user tokens, unless it is fetched.

        Raises:
            ValueError: it cannot be used.
        """
        from paywon.users.tokens import public_key, secret_key  # takes a while, and most commands need none

        if self.jwt_algorithm is not None and self.jwt_public_key is not None:
            # An environment file has it in one line.
            return public_key(self.jwt_public_key.replace("\\n", "\n"), self.jwt_algorithm)
        return None if self.jwt_secret is None else secret_key(self.jwt_secret.get_secret_value())

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose word on where a request comes from is taken."""
        return parse_networks(self.trusted_proxies or "")

    @property
    def origins(self) -> list[str]:
        """The web sites whose pages may call the API."""
        return _parts(self.cors_origins)

    @property
    def scopes_of_users(self) -> frozenset[str]:
        """What every user may do, with what is theirs."""
        return frozenset(_parts(self.user_scopes))

    @property
    def ring(self) -> KeyRing:
        """The keys that seal what is stored."""
        return KeyRing.parse(self.secret_keys.get_secret_value())


class SettingsError(Exception):
    """Something is missing or wrong in the environment; the message says what, for all of it at once."""


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises:
        SettingsError: names every setting that is missing or wrong.
    """
    return _load(Settings)


def load_database_settings() -> DatabaseSettings:
    """Read only where the database is; raises as ``load_settings``."""
    return _load(DatabaseSettings)


def _load(kind: type[T]) -> T:
    try:
        return kind()  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"  {_place(item['loc'])}{_words(item['type'], item['msg'])}" for item in error.errors()]
        raise SettingsError("설정이 잘못되었습니다 / settings are missing or wrong:\n" + "\n".join(lines)) from None


def _place(loc: tuple[int | str, ...]) -> str:
    """Name a setting; what is about several names them itself."""
    return f"{loc[0]}: " if loc else ""


def _words(kind: str, said: str) -> str:
    if kind == "missing":
        return "없습니다. 환경 변수나 .env에 넣으세요 / is not set; put it into the environment or .env"
    return said


def _parts(text: str | None) -> list[str]:
    """``a, b`` → both."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _token_trouble(settings: Settings) -> str | None:
    """Say what is wrong with PAYWON_JWT_…, if anything is: what is half set would let in nobody, or anybody."""
    sources = {
        "PAYWON_JWT_SECRET": settings.jwt_secret,
        "PAYWON_JWT_PUBLIC_KEY": settings.jwt_public_key,
        "PAYWON_JWT_JWKS_URL": settings.jwt_jwks_url,
    }
    whose = {"PAYWON_JWT_ISSUER": settings.jwt_issuer, "PAYWON_JWT_AUDIENCE": settings.jwt_audience}
    given = [name for name, value in sources.items() if value is not None]
    if settings.jwt_algorithm is None:
        needless = given + [name for name, value in whose.items() if value is not None]
        return f"PAYWON_JWT_ALGORITHM이 없습니다 / is not set, but {', '.join(needless)}" if needless else None
    if missing := [name for name, value in whose.items() if value is None]:
        return f"{', '.join(missing)}: 없습니다 / is not set, but PAYWON_JWT_ALGORITHM"
    is_secret = settings.jwt_algorithm is TokenAlgorithm.HS256
    fitting = ["PAYWON_JWT_SECRET"] if is_secret else ["PAYWON_JWT_PUBLIC_KEY", "PAYWON_JWT_JWKS_URL"]
    if len(given) != 1 or given[0] not in fitting:
        one = " | ".join(fitting)
        return f"{settings.jwt_algorithm}: {one} 하나만 넣으세요 / takes exactly one of these, and no other key"
    try:
        _ = settings.token_key
    except ValueError:
        form = "32바이트 이상 / at least 32 bytes" if is_secret else "PEM (RSA 2048+, EC P-256), 공개 키 / a public key"
        return f"{given[0]}: {form}"
    return None
