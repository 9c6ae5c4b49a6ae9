"""What a browser brings along: Toss's redirect, and the forms of the order page."""

from typing import Annotated

import msgspec
from msgspec import Meta

from paywon.base.ids import PaymentKey
from paywon.web.shapes import OrderNoText, PaymentKeyText, Text200, Won


class Returned(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of successUrl (toss/api.md 3). Anybody can write it: the order says what is paid."""

    payment_key: PaymentKeyText
    order_id: OrderNoText
    amount: Won

    @property
    def key(self) -> PaymentKey:
        return PaymentKey(self.payment_key)


class Failed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of failUrl (toss/api.md 3); without orderId when the customer closed the window."""

    code: Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")] = "UNKNOWN"
    message: Annotated[str, Meta(max_length=500)] = "결제가 완료되지 않았습니다."
    order_id: OrderNoText | None = None


class RefundForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """No ``amount`` means all that is left; ``left`` is what the page showed as refundable, in won."""

    left: Won
    reason: Text200
    amount: Won | None = None
