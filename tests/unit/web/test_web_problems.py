"""How trouble is told: every exception becomes one of our problem documents and shows nothing of the inside."""

from typing import Any

import asyncpg
import pytest
from litestar import Litestar, get
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    NotFoundException,
    PermissionDeniedException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.testing import TestClient

from paywon.base.errors import PaywonError
from paywon.web.problems import HANDLERS, prefers_english, translate

pytestmark = pytest.mark.unit


def _answer(error: Exception, **headers: str) -> Any:
    """What a door answers whose handler raises ``error``."""

    @get("/", sync_to_thread=False)
    def broken() -> None:
        raise error

    app = Litestar([broken], exception_handlers=HANDLERS, openapi_config=None)
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.get("/", headers=headers)


def test_what_nobody_foresaw_is_a_500_that_shows_nothing() -> None:
    answer = _answer(RuntimeError("SELECT secret FROM payments -- paywon.payments.store"))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "code", "message"}
    assert (document["code"], document["status"]) == ("INTERNAL", 500)
    for inside in ("RuntimeError", "SELECT", "paywon.", "Traceback", ".py"):
        assert inside not in answer.text
    assert "recorded" in _answer(RuntimeError("x"), **{"Accept-Language": "en"}).json()["message"]


@pytest.mark.parametrize(
    "error",
    [
        KeyError("data"),
        AssertionError("the row is there"),
        ValueError("\ud800"),
        InternalServerException("psql: x"),
        Exception(),
    ],
)
def test_other_faults_of_ours_look_the_same(error: Exception) -> None:
    answer = _answer(error)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "psql" not in answer.text


def test_our_own_errors_carry_what_they_know() -> None:
    error = PaywonError(
        "PAYMENT_DECLINED",
        field="amount",
        original_message="한도초과",
        retry_after_s=7,
        extra={"providerCode": "REJECT_CARD_PAYMENT"},
    )
    answer = _answer(error, **{"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["retry-after"]) == (402, "7")
    assert answer.json() == {
        "type": "urn:paywon:error:PAYMENT_DECLINED",
        "title": "Payment declined",
        "status": 402,
        "detail": "The payment was declined: 한도초과. Try another means of payment.",
        "code": "PAYMENT_DECLINED",
        "message": "The payment was declined: 한도초과. Try another means of payment.",
        "originalMessage": "한도초과",
        "field": "amount",
        "providerCode": "REJECT_CARD_PAYMENT",
    }


@pytest.mark.parametrize("code", ["PAYMENT_DECLINED", "PAYMENT_REFUSED"])
def test_tosss_sentence_is_told_in_ours_without_a_card_number(code: str) -> None:
    said = "카드 4111-1111-1111-1111 은\n거절되었습니다."
    answer = _answer(PaywonError(code, original_message=said, provider_code="X")).json()
    assert ": 카드 [redacted] 은 거절되었습니다." in answer["message"]
    assert "4111" not in str(answer)
    silent = _answer(PaywonError(code, provider_code="X")).json()["message"]
    assert ": " not in silent and "{" not in silent and silent.endswith(".")


def test_a_key_is_asked_for_by_its_scheme() -> None:
    assert _answer(PaywonError("UNAUTHENTICATED")).headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in _answer(PaywonError("WEBHOOK_REJECTED")).headers


def test_a_limit_tells_when_to_come_again() -> None:
    answer = _answer(TooManyRequestsException(headers={"Retry-After": "3"}))
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "3", "TOO_MANY_REQUESTS")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFoundException(), "NOT_FOUND"),
        (HTTPException(status_code=418), "INTERNAL"),
        (PermissionDeniedException("no"), "INVALID_REQUEST"),
        (ValidationException("Validation failed"), "INVALID_REQUEST"),
        (ValidationException(extra=[{"key": "data", "message": "'data'"}]), "INVALID_JSON"),
        (InternalServerException("client disconnected prematurely"), "INVALID_JSON"),
        (asyncpg.CannotConnectNowError("starting up"), "DATABASE_UNAVAILABLE"),
        (asyncpg.TooManyConnectionsError("53300"), "DATABASE_UNAVAILABLE"),
        (asyncpg.InvalidCatalogNameError("3D000"), "DATABASE_UNAVAILABLE"),
        (asyncpg.InvalidPasswordError("28P01"), "DATABASE_UNAVAILABLE"),
        (asyncpg.ReadOnlySQLTransactionError("25006"), "DATABASE_UNAVAILABLE"),
        (asyncpg.DiskFullError("53100"), "DATABASE_UNAVAILABLE"),
        (asyncpg.DeadlockDetectedError("40P01"), "DATABASE_UNAVAILABLE"),
        (asyncpg.AdminShutdownError("57P01"), "DATABASE_UNAVAILABLE"),
        (asyncpg.ConnectionDoesNotExistError("08003"), "DATABASE_UNAVAILABLE"),
        (asyncpg.InterfaceError("pool is closing"), "DATABASE_UNAVAILABLE"),
        (asyncpg.InternalClientError("cannot switch to state 12"), "DATABASE_UNAVAILABLE"),
        (ConnectionRefusedError(), "DATABASE_UNAVAILABLE"),
        (TimeoutError(), "DATABASE_UNAVAILABLE"),
        (asyncpg.UniqueViolationError("23505"), "INTERNAL"),
        (asyncpg.CheckViolationError("23514"), "INTERNAL"),
        (asyncpg.UndefinedTableError("42P01"), "INTERNAL"),
    ],
)
def test_which_error_is_told(error: Exception, code: str) -> None:
    assert translate(error).code == code


def test_a_parameter_is_named_as_callers_spell_it() -> None:
    said = "Expected `str` of length <= 200"
    told = translate(ValidationException(extra=[{"key": "payment_key", "message": said}]))
    assert (told.code, told.field) == ("INVALID_REQUEST", "paymentKey")
    assert told.values["hint_en"] == "paymentKey: At most 200 characters or items."


@pytest.mark.parametrize(
    ("asked", "english"),
    [
        ("", False),
        ("en", True),
        ("ko", False),
        ("en-US,en;q=0.9,ko;q=0.8", True),
        ("en;q=0.2,ko;q=0.3", False),
        ("ko;q=0,en;q=0.1", True),
        ("en;q=0", False),
        ("english", False),
        ("kok", False),
        ("fr", False),
    ],
)
def test_the_language(asked: str, english: bool) -> None:
    assert prefers_english(asked) is english
