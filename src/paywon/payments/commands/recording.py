"""Puts a question whole onto its attempt, sealed, so that a repeat after a crash sends the same body (I10)."""

from dataclasses import replace
from typing import Any

import msgspec

from paywon.base.redaction import redact
from paywon.base.sealing import CannotOpen, KeyRing
from paywon.payments.model import SEALED_REQUEST, Attempt
from paywon.toss.wire import Request


def with_question(ring: KeyRing, attempt: Attempt, body: Request, *, billing_key: str | None = None) -> Attempt:
    """Answer the attempt with its question: redacted for the audit trail, sealed and whole for a repeat."""
    shown: dict[str, Any] = redact(body.as_dict())
    whole = {"body": msgspec.to_builtins(body), "billingKey": billing_key}
    return replace(
        attempt, request_data=shown, sealed_request=ring.seal_json(whole, purpose=SEALED_REQUEST.purpose(attempt.id))
    )


def question_of(ring: KeyRing, attempt: Attempt) -> dict[str, Any] | None:
    """Answer ``body`` and ``billingKey`` as they were recorded; None where the seal cannot be opened any more."""
    if attempt.sealed_request is None:
        return None
    try:
        whole: dict[str, Any] = ring.open_json(attempt.sealed_request, purpose=SEALED_REQUEST.purpose(attempt.id))
    except CannotOpen:
        return None
    return whole
