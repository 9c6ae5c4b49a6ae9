"""Every setting, read once from the environment, frozen, and passed down."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from paywon.base.sealing import KeyRing

TOSS_BASE_URL: Final = "https://api.tosspayments.com"
_CACHE_SCHEMES: Final = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})


class Settings(BaseSettings):
    """What a process of paywon must know; times in seconds, unless the name says otherwise."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    database_url: str = Field(alias="DATABASE_URL")
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
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"  {item['loc'][0]}: {_words(item['type'], item['msg'])}" for item in error.errors()]
        raise SettingsError("설정이 잘못되었습니다 / settings are missing or wrong:\n" + "\n".join(lines)) from None


def _words(kind: str, said: str) -> str:
    if kind == "missing":
        return "없습니다. 환경 변수나 .env에 넣으세요 / is not set; put it into the environment or .env"
    return said
