"""Every setting, read once from the environment, frozen, and passed down."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from paywon.base.links import check_link
from paywon.base.money import MAX_KRW
from paywon.base.networks import Network, is_metadata_address, is_this_machine, overlap, parse_networks, too_wide
from paywon.base.sealing import KeyRing
from paywon.base.setting_types import HostName, LogLevel, WebAddress, unknown_among, words_of
from paywon.base.weak import has_default_password, is_guessable_key, is_guessable_secret
from paywon.operators.model import DEFAULT_USER_SCOPES, USER_SCOPES
from paywon.payments.recovery import RetryPlan
from paywon.toss import keys
from paywon.users.model import TokenAlgorithm, TokenPolicy
from paywon.users.setup import TOKEN_FIELDS, token_key, token_trouble

if TYPE_CHECKING:
    from joserfc.jwk import Key
    from pydantic_core import ErrorDetails

TOSS_BASE_URL: Final = "https://api.tosspayments.com"
_CACHE_SCHEMES: Final = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})
_ORIGIN: Final = re.compile(r"https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOUR_S: Final = 3600.0
_ABOUT_SEVERAL: Final = "about_several"
T = TypeVar("T", bound="DatabaseSettings")


class Environment(StrEnum):
    """Whether real money moves. Nothing said is production, so that nobody forgets to say it."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


_KEYS_OF: Final = {Environment.PRODUCTION: keys.LIVE, Environment.DEVELOPMENT: keys.TEST}


class DatabaseSettings(BaseSettings):
    """What `paywon migrate`, `paywon keys` and whoever else only looks at the database must know."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    # First: what the others may be depends on it.
    environment: Environment = Field(default=Environment.PRODUCTION, alias="PAYWON_ENV")
    database_url: str = Field(alias="DATABASE_URL")


class SealSettings(DatabaseSettings):
    """What `paywon secrets rotate` must know besides."""

    # 32 bytes each, base64, commas between them: the first seals, all open. `paywon secrets new` makes one.
    secret_keys: SecretStr = Field(alias="PAYWON_SECRET_KEYS")

    @field_validator("secret_keys")
    @classmethod
    def _readable_keys(cls, sealing: SecretStr, info: ValidationInfo) -> SecretStr:
        try:
            ring = KeyRing.parse(sealing.get_secret_value())
        except ValueError:
            raise ValueError(
                "32바이트 키를 base64로, 쉼표로 구분해 넣으세요 (paywon secrets new) / "
                "has to be base64 keys of 32 bytes with commas between them (paywon secrets new)"
            ) from None
        # Only of the first: a bad one has to be put behind it to be rotated out.
        if _is_production(info) and is_guessable_key(ring.first_key):
            raise ValueError(
                "첫 키가 짐작할 수 있거나 예제에 있는 키입니다. paywon secrets new로 만드세요 / "
                "begins with a key that can be guessed or stands in an example; make one with paywon secrets new"
            )
        return sealing

    @property
    def ring(self) -> KeyRing:
        """The keys that seal what is stored."""
        return KeyRing.parse(self.secret_keys.get_secret_value())


class Settings(SealSettings):
    """What a process of paywon must know; times in seconds, unless the name says otherwise.

    All that is wrong is told at once, so whatever one setting has to be for another is the validator of the later one.
    """

    # May hold a password.
    redis_url: SecretStr | None = Field(default=None, alias="REDIS_URL")

    toss_base_url: WebAddress = Field(default=TOSS_BASE_URL, alias="TOSS_PAYMENTS_BASE_URL")
    toss_secret_key: SecretStr = Field(alias="TOSS_PAYMENTS_SECRET_KEY")
    # Given out to front ends by GET /api/config; it opens windows and reads nothing.
    toss_client_key: str | None = Field(default=None, alias="TOSS_PAYMENTS_CLIENT_KEY")
    # Toss's security keys, commas between them: while one is replaced, both sign for a week.
    toss_webhook_secret: SecretStr | None = Field(default=None, alias="TOSS_PAYMENTS_WEBHOOK_SECRET")
    # Where Toss sends webhooks from. With strict, what comes from elsewhere has to be signed or to know a secret.
    webhook_sources: str | None = Field(default=None, alias="PAYWON_WEBHOOK_SOURCES")
    webhook_strict: bool = Field(default=False, alias="PAYWON_WEBHOOK_STRICT")
    # How far a signed time of transmission may be from now; 0 is any.
    webhook_max_age_s: float = Field(default=600.0, ge=0, alias="PAYWON_WEBHOOK_MAX_AGE_S")
    # How often a minute Toss is read because of webhooks that nothing proves; 0 is no limit.
    webhook_looks_per_minute: int = Field(default=300, ge=0, alias="PAYWON_WEBHOOK_LOOKS_PER_MINUTE")
    # Where Toss sends the customer back to, unless a payment request says otherwise.
    app_base_url: WebAddress = Field(default="http://localhost:3000", alias="APP_BASE_URL", validate_default=True)
    # Where paywon's own success and fail pages send the customer on to; without it there are none.
    return_to: str | None = Field(default=None, alias="PAYWON_RETURN_TO")

    host: HostName = Field(default="127.0.0.1", alias="PAYWON_HOST")
    port: int = Field(default=3000, ge=1, le=65535, alias="PAYWON_PORT")
    workers: int = Field(default=1, ge=1, alias="PAYWON_WORKERS")
    # True while `paywon dev` runs: serves the demo shop and never anything else that production would not.
    dev_mode: bool = Field(default=False, alias="PAYWON_DEV")
    home: Path = Field(default=Path(".paywon"), alias="PAYWON_HOME")
    sandbox_url: WebAddress | None = Field(default=None, alias="PAYWON_SANDBOX_URL")
    log_level: LogLevel = Field(default="INFO", alias="PAYWON_LOG_LEVEL")

    max_connections: int = Field(default=10, ge=2, alias="PAYWON_DB_CONNECTIONS")
    # How long the database is waited for: to connect, for a free connection, for a row that another holds, for a
    # statement; and how long PostgreSQL lets a transaction of a process idle that is frozen or cut off.
    db_connect_timeout_s: float = Field(default=3.0, gt=0, alias="PAYWON_DB_CONNECT_TIMEOUT_S")
    db_acquire_timeout_s: float = Field(default=3.0, gt=0, alias="PAYWON_DB_ACQUIRE_TIMEOUT_S")
    db_lock_timeout_s: float = Field(default=3.0, gt=0, alias="PAYWON_DB_LOCK_TIMEOUT_S")
    db_statement_timeout_s: float = Field(default=10.0, gt=0, alias="PAYWON_DB_STATEMENT_TIMEOUT_S")
    db_idle_timeout_s: float = Field(default=30.0, gt=0, alias="PAYWON_DB_IDLE_IN_TRANSACTION_S")
    connect_timeout_s: float = Field(default=3.0, gt=0, alias="PAYWON_TOSS_CONNECT_TIMEOUT_S")
    read_timeout_s: float = Field(default=30.0, gt=0, alias="PAYWON_TOSS_READ_TIMEOUT_S")
    # How many calls to Toss one process makes at once; the rest waits in line for as long as its caller does.
    toss_connections: int = Field(default=50, ge=1, alias="PAYWON_TOSS_CONNECTIONS")
    # Reads have their own, so that they take none from what moves money.
    toss_read_connections: int = Field(default=25, ge=1, alias="PAYWON_TOSS_READ_CONNECTIONS")
    answer_budget_s: float = Field(default=9.0, gt=0, le=10, alias="PAYWON_ANSWER_BUDGET_S")
    resolve_after_s: float = Field(default=10.0, gt=0, alias="PAYWON_RESOLVE_AFTER_S")
    # How often the worker looks for what is due, and how many open questions it takes up at once.
    resolve_every_s: float = Field(default=1.0, gt=0, le=60, alias="PAYWON_RESOLVE_EVERY_S")
    resolve_at_once: int = Field(default=20, ge=1, le=1000, alias="PAYWON_RESOLVE_AT_ONCE")
    # How long to wait after each try of an open question, then hourly; while a confirm's window is open, never longer
    # than the second; how long after its end a window of Toss's counts as closed.
    retry_ladder_s: str = Field(default="2,5,15,60,300,1800", alias="PAYWON_RETRY_LADDER_S")
    confirm_retry_s: float = Field(default=25.0, ge=1, le=300, alias="PAYWON_CONFIRM_RETRY_S")
    window_margin_s: float = Field(default=60.0, ge=0, le=600, alias="PAYWON_WINDOW_MARGIN_S")
    # How often Toss's list of transactions is walked, and how many payments that differ are read in that time.
    walk_every_s: float = Field(default=300.0, ge=1, alias="PAYWON_WALK_EVERY_S")
    walk_reads: int = Field(default=1500, ge=1, alias="PAYWON_WALK_READS")
    # As long as Toss's window: 30 minutes to authenticate, 10 to confirm (toss/api.md 2), and one for clocks that
    # differ.
    order_ttl_s: float = Field(default=2460.0, gt=0, alias="PAYWON_ORDER_TTL_S")
    # The farthest ``expiresAt``: of a server's order, and of one that an app's own user places.
    max_order_ttl_s: int = Field(default=2_592_000, gt=0, le=31_536_000, alias="PAYWON_MAX_ORDER_TTL_S")
    max_user_order_ttl_s: int = Field(default=86_400, gt=0, le=31_536_000, alias="PAYWON_MAX_USER_ORDER_TTL_S")
    # Unpaid orders that one user may have open by their own token; 0 is no limit.
    max_open_orders_per_user: int = Field(default=20, ge=0, alias="PAYWON_MAX_OPEN_ORDERS_PER_USER")
    # Won for each person of a time capsule that an app's own user orders; without it only servers order capsules.
    capsule_price_krw: int | None = Field(default=None, ge=1, le=MAX_KRW // 10, alias="PAYWON_CAPSULE_PRICE_KRW")
    # Whether an app's own user may take back money for what has been handed over.
    user_refund_after_fulfilment: bool = Field(default=False, alias="PAYWON_USER_REFUND_AFTER_FULFILMENT")
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
    jwt_audience: str | None = Field(default=None, alias="PAYWON_JWT_AUDIENCE", validate_default=True)
    user_scopes: str = Field(default=",".join(sorted(DEFAULT_USER_SCOPES)), alias="PAYWON_USER_SCOPES")
    cors_origins: str | None = Field(default=None, alias="PAYWON_CORS_ORIGINS")

    # Requests a minute of one sender; 0 is no limit.
    rate_per_minute: int = Field(default=6000, ge=0, alias="PAYWON_RATE_PER_MINUTE")
    user_rate_per_minute: int = Field(default=120, ge=0, alias="PAYWON_RATE_PER_MINUTE_USER")
    address_rate_per_minute: int = Field(default=300, ge=0, alias="PAYWON_RATE_PER_MINUTE_ADDRESS")
    webhook_rate_per_minute: int = Field(default=3000, ge=0, alias="PAYWON_RATE_PER_MINUTE_WEBHOOK")
    trusted_proxies: str | None = Field(default=None, alias="PAYWON_TRUSTED_PROXIES")
    # True where browsers reach the API by https: they are told never to try without.
    https: bool = Field(default=False, alias="PAYWON_HTTPS")

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in _CACHE_SCHEMES:
            raise ValueError(
                "redis://, rediss://, valkey://, valkeys://, unix:// 가운데 하나로 시작해야 합니다 / "
                "has to begin with redis://, rediss://, valkey://, valkeys:// or unix://"
            )
        return url

    @field_validator("database_url", "redis_url")
    @classmethod
    def _own_password(cls, url: str | SecretStr | None, info: ValidationInfo) -> str | SecretStr | None:
        text = url.get_secret_value() if isinstance(url, SecretStr) else url or ""
        if _is_production(info) and has_default_password(text):
            raise ValueError(
                "누구나 아는 비밀번호입니다. 바꾸세요 / carries a password that everybody knows; change it"
            )
        return url

    @field_validator("toss_secret_key")
    @classmethod
    def _key_of_this_environment(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        environment = info.data.get("environment")
        if environment is None or key.get_secret_value().startswith(_KEYS_OF[environment]):
            return key
        wanted = " / ".join(f"{prefix}…" for prefix in _KEYS_OF[environment])
        raise ValueError(
            f"PAYWON_ENV={environment}에서는 {wanted} 시크릿 키만 씁니다 / "
            f"with PAYWON_ENV={environment} (production unless set) only a secret key {wanted} is taken"
        )

    @field_validator("toss_client_key")
    @classmethod
    def _key_of_the_pair(cls, key: str | None, info: ValidationInfo) -> str | None:
        secret = info.data.get("toss_secret_key")
        if key and secret and (trouble := keys.pair_trouble(secret.get_secret_value(), key)):
            raise ValueError(trouble)
        return key

    @field_validator("redis_url", "toss_base_url", "app_base_url", "jwt_jwks_url", "sandbox_url")
    @classmethod
    def _no_metadata(cls, url: str | SecretStr | None) -> str | SecretStr | None:
        if is_metadata_address(url.get_secret_value() if isinstance(url, SecretStr) else url or ""):
            raise ValueError("메타데이터나 링크 로컬 주소입니다 / is an address of the cloud's metadata, or link-local")
        return url

    @field_validator("sandbox_url", "dev_mode")
    @classmethod
    def _only_in_development(cls, value: str | bool | None, info: ValidationInfo) -> str | bool | None:
        if value and _is_production(info):
            raise ValueError("PAYWON_ENV=development에서만 씁니다 / needs PAYWON_ENV=development")
        return value

    @field_validator("return_to")
    @classmethod
    def _leads_somewhere(cls, link: str | None, info: ValidationInfo) -> str | None:
        return None if link is None else check_link(link, with_http=not _is_production(info))

    @field_validator("toss_base_url", "app_base_url")
    @classmethod
    def _encrypted(cls, url: str, info: ValidationInfo) -> str:
        if _is_production(info) and urlsplit(url).scheme != "https":
            raise ValueError("운영에서는 https://로 시작해야 합니다 / has to begin with https:// in production")
        return url

    @field_validator("app_base_url")
    @classmethod
    def _reached_by_customers(cls, url: str, info: ValidationInfo) -> str:
        if _is_production(info) and is_this_machine(url):
            raise ValueError("고객이 닿을 수 있는 주소여야 합니다 / has to be an address that customers can reach")
        return url

    @field_validator("toss_webhook_secret", "jwt_secret")
    @classmethod
    def _nobody_guesses(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        text = secret.get_secret_value() if secret else ""
        each = _parts(text) if info.field_name == "toss_webhook_secret" else [text] if text else []
        if _is_production(info) and any(is_guessable_secret(one) for one in each):
            raise ValueError(
                "짐작할 수 있거나 예제에 있는 비밀입니다. 난수로 바꾸세요 / "
                "can be guessed or stands in an example; make a random one"
            )
        return secret

    @field_validator("webhook_strict")
    @classmethod
    def _strict_lets_something_in(cls, strict: bool, info: ValidationInfo) -> bool:
        if strict and not _secrets(info.data.get("toss_webhook_secret")) and not info.data.get("webhook_sources"):
            raise ValueError(
                "PAYWON_WEBHOOK_SOURCES나 TOSS_PAYMENTS_WEBHOOK_SECRET과 함께만 켭니다 / "
                "needs PAYWON_WEBHOOK_SOURCES or TOSS_PAYMENTS_WEBHOOK_SECRET, or hardly a webhook gets in"
            )
        return strict

    @field_validator("user_scopes")
    @classmethod
    def _scopes_of_users(cls, text: str) -> str:
        if unknown := set(_parts(text)) - USER_SCOPES:
            every = ", ".join(sorted(USER_SCOPES))
            raise ValueError(f"사용자에게 줄 수 없습니다 / users cannot be given {', '.join(sorted(unknown))}: {every}")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, text: str | None, info: ValidationInfo) -> str | None:
        for origin in _parts(text):
            bare = _is_production(info) and not origin.startswith("https://")
            if bare or not _ORIGIN.fullmatch(origin):
                raise ValueError(f"https://host[:port] 꼴이어야 합니다 / has to be https://host[:port]: {origin}")
        return text

    @field_validator("trusted_proxies", "webhook_sources")
    @classmethod
    def _networks(cls, text: str | None, info: ValidationInfo) -> str | None:
        networks = parse_networks(text or "")
        if _is_production(info) and (wide := too_wide(networks)):
            raise ValueError(
                "누구나 들어 있는 네트워크입니다. 자기 주소만 적으세요 / takes in everybody; name only the addresses "
                f"that are meant: {', '.join(map(str, wide))}"
            )
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_not_toss(cls, text: str | None, info: ValidationInfo) -> str | None:
        sources = parse_networks(info.data.get("webhook_sources") or "")
        both = [proxy for proxy in parse_networks(text or "") if any(overlap(proxy, source) for source in sources)]
        if _is_production(info) and both:
            raise ValueError(
                "PAYWON_WEBHOOK_SOURCES와 겹칩니다: 프록시를 거친 웹훅이 모두 토스의 것이 됩니다 / overlaps with "
                f"PAYWON_WEBHOOK_SOURCES, so whatever comes through it would be Toss's: {', '.join(map(str, both))}"
            )
        return text

    @field_validator("retry_ladder_s")
    @classmethod
    def _rising_seconds(cls, text: str) -> str:
        try:
            waits = [float(part) for part in _parts(text)]
        except ValueError:
            waits = []
        if not waits or waits != sorted(waits) or not 0 < waits[0] <= waits[-1] <= _HOUR_S:
            raise ValueError(
                "1시간을 넘지 않는 초를 작은 것부터 쉼표로 구분해 넣으세요 / "
                "has to be rising seconds, none above an hour, with commas between them"
            )
        return text

    @field_validator("jwt_jwks_url")
    @classmethod
    def _safe_to_fetch(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://none")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
            raise ValueError("https://로 시작해야 합니다 / has to begin with https://")
        return url

    @field_validator("jwt_audience")
    @classmethod
    def _tokens_can_be_verified(cls, audience: str | None, info: ValidationInfo) -> str | None:
        values = {**info.data, "jwt_audience": audience}
        # Where one of them is wrong by itself, that is told, and no more can be said of all of them.
        if values.keys() >= TOKEN_FIELDS and (trouble := token_trouble(values)):
            raise PydanticCustomError(_ABOUT_SEVERAL, "{trouble}", {"trouble": trouble})
        return audience

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
        return token_key(self.jwt_algorithm, self.jwt_public_key, self.jwt_secret)

    @property
    def retries(self) -> RetryPlan:
        """How often open questions are taken up."""
        return RetryPlan(
            ladder_s=tuple(float(part) for part in _parts(self.retry_ladder_s)),
            confirm_every_s=self.confirm_retry_s,
            margin=timedelta(seconds=self.window_margin_s),
        )

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        """The keys that webhooks may be signed with."""
        return tuple(SecretStr(secret) for secret in _secrets(self.toss_webhook_secret))

    @property
    def webhook_networks(self) -> tuple[Network, ...]:
        """The addresses that Toss sends webhooks from, as far as somebody has told us."""
        return parse_networks(self.webhook_sources or "")

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


def load_seal_settings() -> SealSettings:
    """Read where the database is and the keys that seal what is in it; raises as ``load_settings``."""
    return _load(SealSettings)


def unknown_names(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return names that look like settings and are none, each with the nearest that there is."""
    return unknown_among(environment, [str(field.alias) for field in Settings.model_fields.values()])


def _load(kind: type[T]) -> T:
    try:
        return kind()  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"  {_place(kind, item)}{words_of(item)}" for item in error.errors()]
        raise SettingsError("설정이 잘못되었습니다 / settings are missing or wrong:\n" + "\n".join(lines)) from None


def _place(kind: type[DatabaseSettings], item: "ErrorDetails") -> str:
    """Name a setting; what is about several names them itself."""
    if item["type"] == _ABOUT_SEVERAL:
        return ""
    # A default that does not do is told under the field's own name.
    field = kind.model_fields.get(str(item["loc"][0]))
    return f"{field.alias if field else item['loc'][0]}: "


def _parts(text: str | None) -> list[str]:
    """``a, b`` → both."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _secrets(text: SecretStr | None) -> list[str]:
    return [] if text is None else _parts(text.get_secret_value())


def _is_production(info: ValidationInfo) -> bool:
    return info.data.get("environment") is Environment.PRODUCTION
