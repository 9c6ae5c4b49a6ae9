"""One kind of stack for all rows: user tokens, signed webhooks, a price for capsules, and short times."""

from collections.abc import AsyncIterator

import pytest

from tests.acceptance.specifications.steps import App
from tests.conftest import OpenStack
from tests.support.inbox import SECRET
from tests.support.stack import NO_LIMITS, Http, Stack
from tests.support.tokens import EVERY_SCOPE, USERS, token_of

SETTINGS = {
    **USERS,
    **NO_LIMITS,
    "PAYWON_USER_SCOPES": EVERY_SCOPE,
    "PAYWON_CAPSULE_PRICE_KRW": "5000",
    "TOSS_PAYMENTS_CLIENT_KEY": "test_ck_specification",
    "TOSS_PAYMENTS_WEBHOOK_SECRET": SECRET,
    "PAYWON_TRUSTED_PROXIES": "127.0.0.1",
    "PAYWON_DEPOSIT_HOLD_S": "2",
    "PAYWON_RESOLVE_AFTER_S": "1",
    "PAYWON_ANSWER_BUDGET_S": "4",
}


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(**SETTINGS)


@pytest.fixture
def app(stack: Stack) -> App:
    """The application of specification 2, signed in as its user."""
    return App(stack, {"Authorization": f"Bearer {token_of('user-7')}"})


@pytest.fixture
async def stranger(stack: Stack) -> AsyncIterator[Http]:
    """Somebody who shows neither key nor token."""
    client = Http(stack.api_url)
    yield client
    await client.close()
