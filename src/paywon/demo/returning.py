"""What a browser brings along: Toss's redirect, and the forms of the order page."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from paywon.base.ids import PaymentKey
from paywon.demo.shop import ShortText
from paywon.toss.wire import RefundReceiveAccount
from paywon.web.shapes import OrderNoText, PaymentKeyText, Won, Word

# A typed amount, with or without commas between thousands.
Typed: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,3}(,?[0-9]{3}){0,3}$", max_length=14)]


class Returned(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of successUrl (toss/api.md 3). Anybody can write it: the order says what is paid."""

    payment_key: PaymentKeyText
    order_id: OrderNoText
    amount: Won

    @property
    def key(self) -> PaymentKey:
        return PaymentKey(self.payment_key)


class Failed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of failUrl (toss/api.md 3); without orderId when the customer closed the window.

    Its ``message`` is not read: anybody can write one, and a page of ours would say it.
    """

    code: Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    order_id: OrderNoText | None = None


class RefundAsked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was typed into the refund form; ``part`` is the button that was pressed: all, half, or the typed amount.

    ``left`` is what the page showed as refundable, in won; ``bank``, ``account_number`` and ``holder_name`` are where a
    deposit goes back to.
    """

    left: Won
    part: Literal["all", "half", "some"] = "some"
    amount: Typed | None = None
    bank: Annotated[str, Meta(max_length=20)] | None = None
    account_number: Annotated[str, Meta(pattern=r"^[0-9-]{6,30}$")] | None = None
    holder_name: ShortText | None = None

    @property
    def won(self) -> int | None:
        """Return the amount that was asked for, in won; None where none was typed."""
        if self.part == "all":
            return self.left
        if self.part == "half":
            return max(1, self.left // 2)
        return None if self.amount is None else int(self.amount.replace(",", ""))


class RefundForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The question that was answered with yes: ``amount`` won of the ``left`` that the page showed as refundable.

    ``ticket`` is new with every question: sent twice, it is still one refund.
    """

    ticket: Word
    left: Won
    amount: Won
    bank: Annotated[str, Meta(max_length=20)] | None = None
    account_number: Annotated[str, Meta(pattern=r"^[0-9-]{6,30}$")] | None = None
    holder_name: ShortText | None = None

    @property
    def account(self) -> RefundReceiveAccount | None:
        """Return where a deposit goes back to; None where no account was typed."""
        if self.bank is None or self.account_number is None or self.holder_name is None:
            return None
        number = self.account_number.replace("-", "")
        return RefundReceiveAccount(bank=self.bank, account_number=number, holder_name=self.holder_name)
