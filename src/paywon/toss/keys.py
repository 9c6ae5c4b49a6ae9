"""What Toss's keys begin with, and which two are a pair (toss/api.md 1.1 [2src]). Pure."""

from typing import Final

# Of the secret keys: API keys and widget keys.
LIVE: Final = ("live_sk_", "live_gsk_")
TEST: Final = ("test_sk_", "test_gsk_")


def mode_of(secret_key: str) -> str:
    """Return ``test`` or ``live``."""
    return "live" if secret_key.startswith(LIVE) else "test"


def client_prefix(secret_key: str) -> str:
    """Return what the client key of a secret key's pair begins with: ``test_gsk_…`` goes with ``test_gck_…``."""
    prefix = next(prefix for prefix in (*LIVE, *TEST) if secret_key.startswith(prefix))
    return prefix.replace("sk_", "ck_")


def pair_trouble(secret_key: str, client_key: str) -> str | None:
    """Say why a client key cannot be of a secret key's pair, if it cannot: what its window opens is never confirmed."""
    wanted = client_prefix(secret_key)
    if client_key.startswith(wanted):
        return None
    return (
        f"TOSS_PAYMENTS_SECRET_KEY와 짝인 {wanted}… 클라이언트 키여야 합니다 / "
        f"has to be the client key {wanted}… of TOSS_PAYMENTS_SECRET_KEY's pair"
    )
