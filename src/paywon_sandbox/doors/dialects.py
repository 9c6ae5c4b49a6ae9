"""How requests and answers look: plain JSON in v1, the envelope of v2, encrypted where the client asks for it."""

from __future__ import annotations

from typing import Self

import msgspec
from litestar.datastructures import Headers

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.replies import Reply, message_and_status, refusal, success
from paywon_sandbox.rules.centre import valid_security_keys
from paywon_sandbox.rules.params import Params, parse_json, parse_json_object
from paywon_sandbox.settings import API_VERSION

SECURITY_MODE = "tosspayments-api-security-mode"
# The name under which `read` hands on the items of a body that is an array.
ITEMS = "[]"


class Dialect:
    """Version 1: JSON both ways."""

    # What the request log shows instead of an encrypted body.
    plaintext: bytes | None = None

    def of(self, account: Account) -> Dialect:
        """The same for an account that is known now."""
        return self

    def read(self, method: str, body: bytes) -> Params:
        """The parameters of a body; only POST has one."""
        return Params(parse_json_object(body) if method == "POST" else {})

    def success(self, value: object, *, english: bool) -> Reply:
        """200."""
        return success(value, english=english)

    def refusal(self, endpoint: str, code: str, *, english: bool, status: int | None = None) -> Reply:
        """An error."""
        return refusal(endpoint, code, english=english, status=status)


PLAIN = Dialect()


class Entity(msgspec.Struct, frozen=True):
    """What a v2 call answers with: `type` is the envelope's entityType."""

    type: str
    body: object


class ArrayDialect(Dialect):
    """Version 1 where a body is an object or an array of objects."""

    def read(self, method: str, body: bytes) -> Params:
        """An array under ITEMS; one object stands for an array of one."""
        return read_items(body)


class EnvelopeDialect(Dialect):
    """Version 2: one for each request.

    With `tosspayments-api-security-mode: ENCRYPTION` every answer is encrypted, errors too; `sealed` calls take
    nothing else, `arrays` ones an array too.
    """

    def __init__(self, headers: Headers, *, sealed: bool, arrays: bool = False) -> None:
        self._encrypted = headers.get(SECURITY_MODE, "").upper() == "ENCRYPTION"
        self._sealed, self._arrays = sealed, arrays
        self._account: Account | None = None
        self._security_key: str | None = None

    def of(self, account: Account) -> Self:
        """Its security keys are needed from here on."""
        self._account = account
        return self

    def read(self, method: str, body: bytes) -> Params:
        """The parameters behind the token, where this call takes one."""
        if not self._sealed:
            return Params({})
        if not self._encrypted:
            raise TossError(inferred.UNREADABLE_BODY)
        plaintext = self._unsealed(body)
        return read_items(plaintext) if self._arrays else Params(parse_json_object(plaintext))

    def _unsealed(self, body: bytes) -> bytes:
        # Only those who use payouts pay for the import: 9 MB.
        from paywon_sandbox.doors import jwe

        assert self._account is not None
        opened = jwe.unseal(body, valid_security_keys(self._account))
        # The answer goes back under the key that the client has.
        self._security_key, self.plaintext = opened.security_key, opened.plaintext
        if opened.nonce in self._account.nonces:
            raise TossError(inferred.UNREADABLE_BODY)
        self._account.nonces.add(opened.nonce)
        return opened.plaintext

    def success(self, value: object, *, english: bool) -> Reply:
        """`{version, traceId, entityType, entityBody}`."""
        assert isinstance(value, Entity)
        return self._reply(200, {"entityType": value.type, "entityBody": value.body})

    def refusal(self, endpoint: str, code: str, *, english: bool, status: int | None = None) -> Reply:
        """`{version, traceId, error}`."""
        message, published = message_and_status(endpoint, code, english=english)
        return self._reply(status or published, {"error": {"code": code, "message": message}}, code)

    def _reply(self, status: int, content: dict[str, object], code: str | None = None) -> Reply:
        trace_id = ids.trace_id()
        version = self._account.settings.version if self._account else API_VERSION
        body = msgspec.json.encode({"version": version, "traceId": trace_id} | content)
        if not self._encrypted or self._account is None:
            return Reply(status=status, body=body, code=code, trace_id=trace_id)
        from paywon_sandbox.doors import jwe

        key = self._security_key or self._account.settings.security_keys[0]
        token = jwe.seal(body, key, toss_instant(self._account.clock.now()))
        return Reply(status=status, body=token, code=code, trace_id=trace_id, content_type="text/plain", shown=body)


def read_items(body: bytes) -> Params:
    """An object as it is; an array of objects under ITEMS."""
    value = parse_json(body)
    if isinstance(value, list):
        return Params({ITEMS: value})
    if not isinstance(value, dict):
        raise TossError("INVALID_REQUEST")
    return Params(value)
