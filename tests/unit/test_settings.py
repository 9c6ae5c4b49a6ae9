"""Settings that are wrong are refused at the start."""

import os
import re

import pytest
from pydantic import ValidationError

from paywon.base.sealing import new_key
from paywon.settings import Environment, Settings, SettingsError, load_settings, unknown_names
from tests.support.stack import SECRET_KEYS

GOOD = {
    "DATABASE_URL": "postgresql://nowhere/x",
    "PAYWON_ENV": "development",
    "TOSS_PAYMENTS_SECRET_KEY": "test_sk_unit",
    "PAYWON_SECRET_KEYS": SECRET_KEYS,
}


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys", "unix"])
def test_a_cache_is_named_by_one_of_these_schemes(scheme: str) -> None:
    settings = Settings.model_validate({**GOOD, "REDIS_URL": f"{scheme}://:geheim@cache:6379/0"})
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize("url", ["cache:6379", "http://cache", "localhost", "redis"])
def test_a_cache_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="valkey://"):
        Settings.model_validate({**GOOD, "REDIS_URL": url})


def test_no_cache_is_a_cache_in_memory() -> None:
    assert Settings.model_validate(GOOD).redis_url is None


def test_strict_webhooks_need_something_that_lets_them_in() -> None:
    strict = {**GOOD, "PAYWON_WEBHOOK_STRICT": "true"}
    for nothing in ({}, {"TOSS_PAYMENTS_WEBHOOK_SECRET": " , "}):
        with pytest.raises(ValidationError, match="PAYWON_WEBHOOK_SOURCES"):
            Settings.model_validate({**strict, **nothing})
    for something in ({"PAYWON_WEBHOOK_SOURCES": "13.124.18.147"}, {"TOSS_PAYMENTS_WEBHOOK_SECRET": "a, b"}):
        assert Settings.model_validate({**strict, **something}).webhook_strict
    with pytest.raises(ValidationError, match="PAYWON_WEBHOOK_SOURCES"):
        Settings.model_validate({**GOOD, "PAYWON_WEBHOOK_SOURCES": "toss.example"})


def test_webhooks_may_be_signed_with_either_of_two_keys() -> None:
    keys = Settings.model_validate({**GOOD, "TOSS_PAYMENTS_WEBHOOK_SECRET": "old, new,"}).webhook_secrets
    assert [key.get_secret_value() for key in keys] == ["old", "new"]


@pytest.mark.parametrize(
    ("secret", "client", "wanted"),
    [
        ("test_sk_unit", "live_ck_unit", "test_ck_"),
        ("test_sk_unit", "test_gck_unit", "test_ck_"),
        ("test_gsk_unit", "test_ck_unit", "test_gck_"),
        ("test_sk_unit", "test_sk_unit", "test_ck_"),
        ("test_sk_unit", "ck", "test_ck_"),
    ],
)
def test_a_client_key_of_another_pair_is_refused_at_the_start(secret: str, client: str, wanted: str) -> None:
    """Its window opens payments that the secret key cannot confirm; of another environment, it moves real money."""
    keys = {"TOSS_PAYMENTS_SECRET_KEY": secret, "TOSS_PAYMENTS_CLIENT_KEY": client}
    with pytest.raises(ValidationError, match=f"TOSS_PAYMENTS_CLIENT_KEY\n.*{wanted}"):
        Settings.model_validate({**GOOD, **keys})
    assert Settings.model_validate({**GOOD, **keys, "TOSS_PAYMENTS_CLIENT_KEY": f"{wanted}unit"}).toss_client_key


# --- Production and development --------------------------------------------------------------------------

PRODUCTION = {
    "DATABASE_URL": "postgresql://shop:Zk3v9Qx1TT@db/paywon",
    "TOSS_PAYMENTS_SECRET_KEY": "live_sk_unit",
    "PAYWON_SECRET_KEYS": new_key(),
    "APP_BASE_URL": "https://shop.example",
}
TOKENS = {"PAYWON_JWT_ALGORITHM": "HS256", "PAYWON_JWT_ISSUER": "https://shop.example", "PAYWON_JWT_AUDIENCE": "x"}


def test_production_is_what_nobody_said_otherwise() -> None:
    settings = Settings.model_validate(PRODUCTION)
    assert settings.environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"TOSS_PAYMENTS_SECRET_KEY": "test_sk_x"}, "live_sk_"),
        ({"TOSS_PAYMENTS_SECRET_KEY": "test_gsk_x"}, "live_gsk_"),
        ({"TOSS_PAYMENTS_SECRET_KEY": "live_ck_x"}, "live_sk_"),
        ({"APP_BASE_URL": "http://shop.example"}, "APP_BASE_URL"),
        ({"TOSS_PAYMENTS_BASE_URL": "http://127.0.0.1:3900"}, "TOSS_PAYMENTS_BASE_URL"),
        ({"DATABASE_URL": "postgresql://postgres:postgres@db/x"}, "DATABASE_URL"),
        ({"REDIS_URL": "redis://:redis@cache"}, "REDIS_URL"),
        ({"PAYWON_SECRET_KEYS": SECRET_KEYS}, "paywon secrets new"),
        ({"PAYWON_SECRET_KEYS": "A" * 43 + "="}, "paywon secrets new"),
        ({"TOSS_PAYMENTS_WEBHOOK_SECRET": "changeme"}, "TOSS_PAYMENTS_WEBHOOK_SECRET"),
        ({"TOSS_PAYMENTS_WEBHOOK_SECRET": f"{new_key()}, changeme"}, "TOSS_PAYMENTS_WEBHOOK_SECRET"),
        ({**TOKENS, "PAYWON_JWT_SECRET": "a-string-secret-at-least-256-bits-long"}, "PAYWON_JWT_SECRET"),
        ({"PAYWON_DEV": "1"}, "PAYWON_DEV"),
        ({"PAYWON_ENV": "prod"}, "PAYWON_ENV"),
        ({"PAYWON_TRUSTED_PROXIES": "0.0.0.0/0"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "::/0"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "10.0.0.0/8, 0.0.0.0/1"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "0.0.0.0/1,128.0.0.0/1"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "12.0.0.0/8,13.0.0.0/8"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "::ffff:0:0/96"}, "takes in everybody"),
        ({"PAYWON_TRUSTED_PROXIES": "2000::/3"}, "takes in everybody"),
        ({"PAYWON_WEBHOOK_SOURCES": "0.0.0.0/0"}, "PAYWON_WEBHOOK_SOURCES"),
        ({"PAYWON_WEBHOOK_SOURCES": "::/0"}, "PAYWON_WEBHOOK_SOURCES"),
        ({"PAYWON_WEBHOOK_SOURCES": "10.0.0.7", "PAYWON_TRUSTED_PROXIES": "10.0.0.0/8"}, "overlaps"),
        ({"PAYWON_CORS_ORIGINS": "http://shop.example"}, "PAYWON_CORS_ORIGINS"),
        ({"PAYWON_CORS_ORIGINS": "*"}, "PAYWON_CORS_ORIGINS"),
        ({"PAYWON_SANDBOX_URL": "http://127.0.0.1:3900"}, "PAYWON_SANDBOX_URL"),
        ({"APP_BASE_URL": "https://localhost"}, "customers can reach"),
        ({"APP_BASE_URL": "https://127.1"}, "customers can reach"),
        ({"REDIS_URL": "redis://169.254.169.254"}, "metadata"),
        ({"TOSS_PAYMENTS_BASE_URL": "https://metadata.google.internal"}, "metadata"),
    ],
)
def test_what_belongs_to_development_is_refused_in_production(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        Settings.model_validate({**PRODUCTION, **wrong})
    assert refused.value.error_count() == 1


RS256 = {
    "PAYWON_JWT_ALGORITHM": "RS256",
    "PAYWON_JWT_ISSUER": "https://shop.example",
    "PAYWON_JWT_AUDIENCE": "x",
}


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "2852039166",
        "0xa9fea9fe",
        "169.254.43518",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "100.100.100.200",
    ],
)
@pytest.mark.parametrize("base", [PRODUCTION, GOOD], ids=["production", "development"])
def test_keys_are_never_fetched_where_a_cloud_tells_its_credentials(base: dict[str, str], host: str) -> None:
    with pytest.raises(ValidationError, match="metadata"):
        Settings.model_validate({**base, **RS256, "PAYWON_JWT_JWKS_URL": f"https://{host}/keys"})


@pytest.mark.parametrize(
    "right",
    [
        {"PAYWON_TRUSTED_PROXIES": "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1, fc00::/7, 2606:4700::/32"},
        {"PAYWON_WEBHOOK_SOURCES": "13.124.18.147, 13.124.108.35", "PAYWON_TRUSTED_PROXIES": "10.0.0.0/8"},
        {"PAYWON_CORS_ORIGINS": "https://shop.example, https://admin.shop.example:8443"},
        {**RS256, "PAYWON_JWT_JWKS_URL": "https://login.shop.example/keys"},
        {"REDIS_URL": "rediss://:Zk3v9Qx1TT@10.0.0.5:6379/0"},
    ],
)
def test_what_production_needs_is_taken(right: dict[str, str]) -> None:
    Settings.model_validate({**PRODUCTION, **right})


def test_all_unsafe_networks_and_addresses_are_told_at_once() -> None:
    wrong = {
        "PAYWON_TRUSTED_PROXIES": "0.0.0.0/0",
        "PAYWON_WEBHOOK_SOURCES": "::/0",
        "PAYWON_JWT_JWKS_URL": "https://169.254.169.254/keys",
        "PAYWON_CORS_ORIGINS": "*",
        "APP_BASE_URL": "https://localhost",
    }
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({**PRODUCTION, **wrong})
    assert {str(error["loc"][0]) for error in refused.value.errors()} >= set(wrong)


def test_an_app_has_to_say_where_it_is_in_production() -> None:
    values = {name: value for name, value in PRODUCTION.items() if name != "APP_BASE_URL"}
    with pytest.raises(ValidationError, match="https://로 시작"):
        Settings.model_validate(values)


def test_a_live_key_is_refused_in_development() -> None:
    for key in ("live_sk_x", "live_gsk_x", "sk_x"):
        with pytest.raises(ValidationError, match="test_sk_"):
            Settings.model_validate({**GOOD, "TOSS_PAYMENTS_SECRET_KEY": key})


def test_a_weak_key_may_stand_behind_a_good_one_to_be_rotated_out() -> None:
    keys = f"{PRODUCTION['PAYWON_SECRET_KEYS']},{SECRET_KEYS}"
    assert len(Settings.model_validate({**PRODUCTION, "PAYWON_SECRET_KEYS": keys}).ring.names) == 2


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = {
        "TOSS_PAYMENTS_SECRET_KEY": "test_sk_x",
        "PAYWON_SECRET_KEYS": SECRET_KEYS,
        "APP_BASE_URL": "http://shop.example",
        "REDIS_URL": "redis://:redis@cache",
        "TOSS_PAYMENTS_WEBHOOK_SECRET": "changeme",
        "PAYWON_JWT_ISSUER": "https://shop.example",
    }
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(wrong)
    told = {str(error["loc"][0]) for error in refused.value.errors()}
    # The algorithm that is missing is told where the last of the token's settings is looked at.
    assert told == {*wrong, "DATABASE_URL", "jwt_audience"} - {"PAYWON_JWT_ISSUER"}
    assert not any(word in str(refused.value.errors(include_input=False)) for word in ("changeme", "test_sk_x"))


# --- Words for whoever mistyped ----------------------------------------------------------------------------

TYPED_WRONGLY = ["verbose", "-1", "eighty", "a b\x00", "10.0.0.1/33", "99999999999999"]


def test_whatever_is_wrong_is_said_in_korean_and_english_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = set()
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    for field in Settings.model_fields.values():
        for value in TYPED_WRONGLY:
            name = str(field.alias)
            monkeypatch.setattr(os, "environ", {**GOOD, name: value.replace("\x00", "")})
            try:
                load_settings()
            except SettingsError as error:
                line = str(error).splitlines()[1]
                assert re.search("[가-힣]", line), line
                assert " / " in line, line
                refused.add(name)
    assert {"PAYWON_PORT", "PAYWON_WORKERS", "PAYWON_LOG_LEVEL", "PAYWON_TRUSTED_PROXIES", "PAYWON_HTTPS"} <= refused


@pytest.mark.parametrize("level", ["verbose", "NOTSET", "TRACE", "20"])
def test_a_log_level_that_there_is_not_is_refused_before_anything_starts(level: str) -> None:
    with pytest.raises(ValidationError, match="DEBUG, INFO"):
        Settings.model_validate({**GOOD, "PAYWON_LOG_LEVEL": level})


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING", "ERROR", "critical"])
def test_a_log_level_may_be_written_small(level: str) -> None:
    assert Settings.model_validate({**GOOD, "PAYWON_LOG_LEVEL": level}).log_level == level.upper()


@pytest.mark.parametrize("name", ["TOSS_PAYMENTS_BASE_URL", "APP_BASE_URL", "PAYWON_SANDBOX_URL"])
@pytest.mark.parametrize("url", ["toss", "localhost:3900", "ftp://toss", "http://", "http://[::1"])
def test_an_address_that_nobody_can_call_is_refused(name: str, url: str) -> None:
    with pytest.raises(ValidationError, match="https://"):
        Settings.model_validate({**GOOD, name: url})


@pytest.mark.parametrize("host", ["http://0.0.0.0", "a b", "0.0.0.0:3000", "-"])
def test_a_host_that_nobody_can_listen_on_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="PAYWON_HOST"):
        Settings.model_validate({**GOOD, "PAYWON_HOST": host})


@pytest.mark.parametrize("host", ["10.0.0.1", "::", "localhost", "api-1.internal"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert Settings.model_validate({**GOOD, "PAYWON_HOST": host}).host == host


def test_a_name_that_no_setting_has_is_told_with_the_nearest_one() -> None:
    told = unknown_names({"PAYWON_PROT": "1", "PAYWON_PORT": "3000", "PAYWON_TEST_REQUIRE_ALL": "1", "PATH": "/"})
    assert told == {"PAYWON_PROT": "PAYWON_PORT"}
    assert unknown_names({"TOSS_PAYMENTS_SECRET": "x", "PAYWON_ZZZZZZZZ": "x"}) == {
        "TOSS_PAYMENTS_SECRET": "TOSS_PAYMENTS_SECRET_KEY",
        "PAYWON_ZZZZZZZZ": None,
    }
