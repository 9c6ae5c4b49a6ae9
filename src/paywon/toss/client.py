"""The client: one method per Toss call, each answering yes, no, not sent or unknown, and never retrying by
itself.
"""

from paywon.toss.calls.billing import BillingCalls
from paywon.toss.calls.ledger import LedgerCalls
from paywon.toss.calls.payments import PaymentCalls
from paywon.toss.calls.receipts import CashReceiptCalls


class TossClient(PaymentCalls, BillingCalls, CashReceiptCalls, LedgerCalls):
    """All calls to Toss, over one pooled session.

    Refusals, faults and time-outs are answers, not exceptions. ValueError is raised before anything is sent
    for an argument that could not be sent safely; RuntimeError after `close()`.
    """
