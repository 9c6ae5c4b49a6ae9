"""What ``paywon dev`` will start, worked out from the environment before anything starts."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from paywon.base.sealing import new_key
from paywon.base.setting_types import HostName, LogLevel, WebAddress, words_of
from paywon.devfile import write_private
from paywon.settings import TOSS_BASE_URL
from paywon.terminal.trouble import Trouble
from paywon.toss.keys import pair_trouble

# Where this machine reaches a server that listens on an address. The addresses are compared with, never bound.
_LOCAL: Final = {"127.0.0.1": "127.0.0.1", "localhost": "localhost", "::1": "::1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class DevSettings(BaseSettings):
    """The settings of ``paywon dev``: those of the service, none of which has to be set."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(default=Path(".paywon"), alias="PAYWON_HOME")
    host: HostName = Field(default="127.0.0.1", alias="PAYWON_HOST")
    port: int = Field(default=3000, ge=1, le=65535, alias="PAYWON_PORT")
    sandbox_port: int = Field(default=3900, ge=1, le=65535, alias="PAYWON_SANDBOX_PORT")
    database_url: str | None = Field(default=None, alias="DATABASE_URL")
    toss_secret_key: SecretStr | None = Field(default=None, alias="TOSS_PAYMENTS_SECRET_KEY")
    toss_client_key: str | None = Field(default=None, alias="TOSS_PAYMENTS_CLIENT_KEY")
    toss_base_url: WebAddress | None = Field(default=None, alias="TOSS_PAYMENTS_BASE_URL")
    app_base_url: WebAddress | None = Field(default=None, alias="APP_BASE_URL")
    # The processes that are started read it themselves; here it is refused before the first of them starts.
    log_level: LogLevel = Field(default="INFO", alias="PAYWON_LOG_LEVEL")
    secret_keys: SecretStr | None = Field(default=None, alias="PAYWON_SECRET_KEYS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will run, and where."""

    home: Path
    host: str
    port: int
    sandbox_port: int | None
    """None: paywon talks to Toss itself, and no sandbox is started."""
    database_url: str | None
    """None: the embedded PostgreSQL."""
    toss_base_url: str
    toss_secret_key: str
    app_base_url: str
    secret_keys: str

    @property
    def api_url(self) -> str:
        """The API as a browser on this machine opens it."""
        return _address("localhost" if self.host in _LOCAL else self.host, self.port)

    @property
    def local_url(self) -> str:
        """The API as a process of this machine reaches it, whatever ``localhost`` means there."""
        return _address(_LOCAL.get(self.host, self.host), self.port)

    @property
    def sandbox_url(self) -> str | None:
        return None if self.sandbox_port is None else f"http://localhost:{self.sandbox_port}"

    def environment(self, database_url: str) -> dict[str, str]:
        """Answer the variables that the API and the worker get on top of the terminal's own."""
        variables = {
            "PAYWON_ENV": "development",
            "PAYWON_DEV": "1",
            "PAYWON_HOME": str(self.home),
            "PAYWON_HOST": self.host,
            "PAYWON_PORT": str(self.port),
            "DATABASE_URL": database_url,
            "APP_BASE_URL": self.app_base_url,
            "TOSS_PAYMENTS_BASE_URL": self.toss_base_url,
            "TOSS_PAYMENTS_SECRET_KEY": self.toss_secret_key,
            "PAYWON_SECRET_KEYS": self.secret_keys,
        }
        if self.sandbox_url is None:
            return variables
        client_key = sandbox_client_key(self.toss_secret_key)
        return {**variables, "PAYWON_SANDBOX_URL": self.sandbox_url, "TOSS_PAYMENTS_CLIENT_KEY": client_key}


def load_dev_settings() -> DevSettings:
    """Read the environment and ``.env``.

    Raises:
        Trouble: a value cannot be used.
    """
    try:
        return DevSettings()
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {words_of(item)}" for item in error.errors())
        raise Trouble(f"설정이 잘못되었습니다: {wrong}", f"settings are wrong: {wrong}") from None


def make_plan(settings: DevSettings) -> Plan:
    """Decide between the sandbox and Toss, and keep the sandbox's key in PAYWON_HOME.

    Raises:
        Trouble: a live key, or an address of a provider without a key.
    """
    key = None if settings.toss_secret_key is None else settings.toss_secret_key.get_secret_value()
    own_sandbox = _address("127.0.0.1", settings.sandbox_port)
    is_sandbox_named = settings.toss_base_url in (own_sandbox, _address("localhost", settings.sandbox_port))
    elsewhere = settings.toss_base_url is not None and not is_sandbox_named
    with_sandbox = is_sandbox_named or (key is None and not elsewhere)
    _check_key(key, elsewhere=elsewhere)
    if key is not None and settings.toss_client_key and not with_sandbox:
        _check_pair(key, settings.toss_client_key)
    if with_sandbox and settings.port == settings.sandbox_port:
        raise Trouble(
            f"PAYWON_PORT와 PAYWON_SANDBOX_PORT가 둘 다 {settings.port} 입니다. 하나를 바꾸세요",
            f"PAYWON_PORT and PAYWON_SANDBOX_PORT are both {settings.port}; change one of them",
        )
    return Plan(
        home=settings.home,
        host=settings.host,
        port=settings.port,
        sandbox_port=settings.sandbox_port if with_sandbox else None,
        database_url=settings.database_url,
        toss_base_url=own_sandbox if with_sandbox else settings.toss_base_url or TOSS_BASE_URL,
        toss_secret_key=key or _sandbox_key(settings.home),
        app_base_url=settings.app_base_url or f"http://localhost:{settings.port}",
        secret_keys=settings.secret_keys.get_secret_value() if settings.secret_keys else dev_secret_keys(settings.home),
    )


def _check_key(key: str | None, *, elsewhere: bool) -> None:
    if key is None and elsewhere:
        raise Trouble(
            "TOSS_PAYMENTS_BASE_URL은 있는데 TOSS_PAYMENTS_SECRET_KEY가 없습니다. 넣거나, 둘 다 지워 샌드박스를 쓰세요",
            "TOSS_PAYMENTS_BASE_URL is set but TOSS_PAYMENTS_SECRET_KEY is not; set it, or unset both for the sandbox",
        )
    if key is not None and not key.startswith(("test_sk_", "test_gsk_")):
        # Development never moves real money.
        raise Trouble(
            "paywon dev는 테스트 시크릿 키(test_sk_…)만 씁니다. TOSS_PAYMENTS_SECRET_KEY를 바꾸거나 지우세요",
            "paywon dev takes only a test secret key (test_sk_…); change or unset TOSS_PAYMENTS_SECRET_KEY",
        )


def _check_pair(secret_key: str, client_key: str) -> None:
    if trouble := pair_trouble(secret_key, client_key):
        korean, _, english = trouble.partition(" / ")
        raise Trouble(f"TOSS_PAYMENTS_CLIENT_KEY: {korean}", f"TOSS_PAYMENTS_CLIENT_KEY {english}")


def sandbox_client_key(secret_key: str) -> str:
    """Return the client key that the sandbox takes as the pair of a secret key."""
    return secret_key.replace("sk_", "ck_", 1)


def _sandbox_key(home: Path) -> str:
    """Answer the key that this PAYWON_HOME keeps its sandbox data under; made the first time."""
    file = home / "sandbox-key"
    if file.exists() and (kept := file.read_text().strip()).startswith("test_sk_"):
        return kept
    key = f"test_sk_{secrets.token_hex(16)}"
    write_private(file, key + "\n")
    return key


def dev_secret_keys(home: Path) -> str:
    """Answer the key that seals what this PAYWON_HOME's database keeps; made the first time."""
    file = home / "secret-keys"
    if file.exists() and (kept := file.read_text().strip()):
        return kept
    key = new_key()
    write_private(file, key + "\n")
    return key


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
