"""The least that each means of payment takes. Pure."""

from typing import Final

from paywon.base.errors import PaywonError
from paywon.payments.model import PaymentMethod

# In won. Toss, toss/api.md 5.2 [1src] and BELOW_MINIMUM_AMOUNT in error-codes.json: "cards from 100 won, accounts from
# 200". Of phones it says nothing: [inferred] as cards, for no means is known to take less.
MINIMUM_KRW: Final[dict[PaymentMethod, int]] = {
    PaymentMethod.CARD: 100,
    PaymentMethod.TRANSFER: 200,
    PaymentMethod.VIRTUAL_ACCOUNT: 200,
    PaymentMethod.MOBILE: 100,
}


def check_minimum(amount_krw: int, method: PaymentMethod) -> None:
    """See that a means of payment takes an amount: Toss refuses it only after the customer has gone through its window.

    Raises:
        PaywonError: AMOUNT_BELOW_MINIMUM.
    """
    least = MINIMUM_KRW[method]
    if amount_krw < least:
        raise PaywonError(
            "AMOUNT_BELOW_MINIMUM", field="amount", minimum_krw=f"{least:,}", extra={"minimumAmount": least}
        )
