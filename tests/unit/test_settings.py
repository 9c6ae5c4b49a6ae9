"""Settings that are wrong are refused at the start."""

import pytest
from pydantic import ValidationError

from paywon.settings import Settings
from tests.support.stack import SECRET_KEYS

GOOD = {
    "DATABASE_URL": "postgresql://nowhere/x",
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
