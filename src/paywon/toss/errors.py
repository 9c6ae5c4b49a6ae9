"""Which of Toss's error codes are a definite *no*, per operation, and which leave the outcome open.

A code is a refusal only where it stands on that operation's list below; everything else is unknown
(ARCHITECTURE#the-four-outcomes-of-asking). The lists are strict on purpose: an unknown costs one read of the payment, a
wrong *no* costs a lost or doubled payment. Decide by code, never by HTTP status or message (toss/api.md 1.3:
`PROVIDER_ERROR` is 400 and yet passes).

How doubtful codes were decided:
- ALREADY_*, DUPLICATED_*: the effect exists, perhaps by an earlier request of ours whose reply was lost.
  Unknown.
- NOT_AVAILABLE_BANK, NOT_AVAILABLE_PAYMENT, MAINTAINED_METHOD: closed for now, the same request may pass
  later. Unknown.
- UNAPPROVED_ORDER_ID ("not approved yet"): speaks of a moment, not of the request. Unknown.
- NOT_CANCELABLE_AMOUNT: this call moved nothing, so *no*, but it also is what Toss says once partial cancels
  have emptied the balance (toss/api.md 5.4 [M]): our picture of the balance is stale and should be read.
- NOT_FOUND on a read names no payment and is also what a wrong address answers: unknown, where
  NOT_FOUND_PAYMENT is *no*. On a request for settlement it is published beside NOT_FOUND_PAYMENT, and nothing
  was settled by either reading: *no*.
- ALREADY_REMOVED_BILLING_KEY: a billing key that is gone stays gone, so a charge on it is *no*; the client's
  `delete_billing_key` takes it for *yes*. NOT_FOUND_BILLING says less: the key may live under another of our
  shops. *No* for both.
- INVALID_BUSINESS_NUMBER when receipts are listed: the query names no business, so it is our contract's.
- Codes of the site-wide list that no table of the operation names are refusals only if they speak of the
  request's own shape or of our keys; limits and account states among them are left unknown.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Operation(StrEnum):
    CREATE = "create"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    READ = "read"
    BILLING_CHARGE = "billing_charge"
    BILLING_ISSUE = "billing_issue"
    BILLING_DELETE = "billing_delete"
    VIRTUAL_ACCOUNT = "virtual_account"
    CASH_RECEIPT = "cash_receipt"
    CASH_RECEIPT_CANCEL = "cash_receipt_cancel"
    CASH_RECEIPTS = "cash_receipts"
    """Reading the list of them."""
    TRANSACTIONS = "transactions"
    SETTLEMENTS = "settlements"
    SETTLEMENT_REQUEST = "settlement_request"
    PROMOTIONS = "promotions"


class Refusal(StrEnum):
    """What a definite *no* means for the payment."""

    DECLINED = "declined"
    """The card or account was refused; this attempt to pay is over, Toss's payment becomes ABORTED."""
    EXPIRED = "expired"
    """The payment session is over."""
    REJECTED = "rejected"
    """The request was wrong or is not allowed; the payment is unchanged."""
    MERCHANT = "merchant"
    """Our keys or contract are wrong; nothing happened, and an operator has to act."""
    NOT_FOUND = "not_found"
    """Toss does not know what the request names, or no longer."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAY_PASS = _codes("""
    PROVIDER_ERROR COMMON_ERROR UNKNOWN_ERROR UNKNOWN_PAYMENT_ERROR CARD_PROCESSING_ERROR
    FAILED_INTERNAL_SYSTEM_PROCESSING FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_DB_PROCESSING
    FAILED_CARD_COMPANY_RESPONSE FAILED_METHOD_HANDLING FAILED_METHOD_HANDLING_CANCEL FAILED_REFUND_PROCESS
    FAILED_PARTIAL_REFUND FAILED_HASH_DATA_CREATION FAILED_BILL_KEY_AUTH_CREATION FAILED_BILLING_AUTO_CANCEL
    NOT_AVAILABLE_BANK NOT_AVAILABLE_PAYMENT MAINTAINED_METHOD UNAPPROVED_ORDER_ID
    FORBIDDEN_CONSECUTIVE_REQUEST IDEMPOTENT_REQUEST_PROCESSING
""")
"""Failures that may pass, or behind which money may have moved: unknown for every operation."""

ALREADY_DONE = _codes("""
    ALREADY_PROCESSED_PAYMENT ALREADY_COMPLETED_PAYMENT ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT
    ALREADY_REFUNDING_PAYMENT DUPLICATED_REQUEST DUPLICATED_ORDER_ID DUPLICATED_CASH_RECEIPT
""")
"""The effect exists already, perhaps through us: unknown for every operation until it is read."""

ELSEWHERE = _codes("""
    ACCOUNT_OWNER_CHECK_FAILED ALREADY_CLOSE_ACCOUNT ALREADY_EXIST_SUBMALL BELOW_ZERO_AMOUNT
    EXCEED_MAX_QUERY_LIMIT EXCEED_MAX_VALID_HOURS EXCEED_MIN_CARD_INSTALLMENT_PLAN EXCEED_UNKNOWN_CASE
    EXCEEDS_TRANSFER_AMOUNT_MAXIMUM EXCEED_MAX_REFUND_AMOUNT INCORRECT_FAIL_URL_FORMAT
    INCORRECT_SUCCESS_URL_FORMAT INVALID_ACCOUNT_NOT_CORRECT_BANK INVALID_ACCOUNT_NUMBER
    INVALID_ACCOUNT_NUMBER_OR_UNAVAILABLE INVALID_AUTHORIZE_AUTH_TYPE_GIFT_CERTIFICATE INVALID_BILLING_AUTH
    INVALID_BUSINESS_NUMBER INVALID_CARD INVALID_CARD_COMPANY INVALID_CARD_INSTALLMENT_AMOUNT
    INVALID_CARD_INSTALLMENT_PLANS_WITH_MAX_AND_SINGLE INVALID_CASH_RECEIPT_INFO INVALID_CURRENCY
    INVALID_CUSTOMER_KEY INVALID_EASY_PAY INVALID_FLOW_MODE_PARAMETERS INVALID_IDENTIFICATION_TYPE
    INVALID_ISO_DATE_FORMAT INVALID_ORDER_NAME INVALID_PAGING_KEY INVALID_PAYABLE_DATE INVALID_REFUND_AMOUNT
    INVALID_SUBMALL_ID INVALID_SUCCESS_URL INVALID_UNREGISTERED_SUBMALL INVALID_URL INVALID_URL_FORMAT
    INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE INVALID_VIRTUAL_ACCOUNT_TYPE NOT_ALLOWED_CHANGING_ACCOUNT
    NOT_ALLOWED_HOLIDAY NOT_ALLOWED_INSTALLMENT_BELOW_AMOUNT NOT_ALLOWED_REFUND_BANK NOT_ENOUGH_AMOUNT
    NOT_FOUND NOT_FOUND_BILLING NOT_FOUND_METHOD NOT_FOUND_METHOD_IN_GROUP NOT_FOUND_METHOD_OWNERSHIP
    NOT_FOUND_SUBMALL NOT_MATCH_PAYEE_NAME NOT_REGISTERED_SUBMALL NOT_SUPPORTED_CARRIER
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT NOT_SUPPORTED_PROCESS NOT_SUPPORTED_REFUND
    NOT_SUPPORTED_USD PAYOUT_NOT_FOUND PAY_PROCESS_ABORTED PAY_PROCESS_CANCELED REQUIRED_ACCOUNT_KEY
    REQUIRED_AMOUNT USER_ACCOUNT_ON_HOLD
""")
"""Known codes that do not belong to an operation unless its own list names them: a surprise there, hence
unknown.
"""

_MERCHANT = _codes("""
    UNAUTHORIZED_KEY INVALID_API_KEY INVALID_CLIENT_KEY INCORRECT_BASIC_AUTH_FORMAT FORBIDDEN_REQUEST
    API_VERSION_UPDATE_NEEDED NOT_FOUND_MERCHANT NOT_FOUND_MERCHANT_INTEGRATION NOT_FOUND_HTTP_METHOD
""")

_REJECTED = _codes("""
    INVALID_REQUEST INVALID_REQUIRED_PARAM INVALID_PAYMENT_KEY INVALID_ORDER_ID INVALID_IDEMPOTENCY_KEY
    INVALID_TEST_CODE
""")

_CARD_DECLINED = _codes("""
    INVALID_REJECT_CARD INVALID_STOPPED_CARD INVALID_CARD_EXPIRATION INVALID_CARD_NUMBER REJECT_CARD_COMPANY
    REJECT_ACCOUNT_PAYMENT EXCEED_MAX_AUTH_COUNT
""")

_CONFIRM_DECLINED = _CARD_DECLINED | _codes("""
    REJECT_CARD_PAYMENT REJECT_TOSSPAY_INVALID_ACCOUNT INVALID_CARD_LOST_OR_STOLEN INVALID_PASSWORD FDS_ERROR
    INVALID_AUTHORIZE_AUTH INVALID_ACCOUNT_INFO_RE_REGISTER RESTRICTED_TRANSFER_ACCOUNT NOT_ALLOWED_POINT_USE
    EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_PAYMENT_AMOUNT EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT
    EXCEED_MAX_AMOUNT EXCEED_MAX_ONE_DAY_AMOUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT
    EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT EXCEED_MAX_CARD_INSTALLMENT_PLAN INVALID_CARD_INSTALLMENT_PLAN
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT
""")

_ISSUE_DECLINED = _CARD_DECLINED | _codes("""
    INVALID_CARD_PASSWORD INVALID_CARD_IDENTITY INVALID_CARD NOT_SUPPORTED_CARD_TYPE
    NOT_REGISTERED_CARD_COMPANY
""")

_CHARGE_DECLINED = _CARD_DECLINED | _codes("""
    REJECT_CARD_PAYMENT NOT_SUPPORTED_CARD_TYPE NOT_REGISTERED_CARD_COMPANY INVALID_CARD_INSTALLMENT_PLAN
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT
""")

_AMOUNT_REJECTED = _codes("BELOW_MINIMUM_AMOUNT BELOW_ZERO_AMOUNT REQUIRED_AMOUNT")

_SUBMALL_MERCHANT = _codes("""
    NOT_FOUND_TERMINAL_ID INVALID_UNREGISTERED_SUBMALL NOT_REGISTERED_SUBMALL NOT_REGISTERED_BUSINESS
""")

_CREATE_REJECTED = _AMOUNT_REJECTED | _codes("""
    INCORRECT_SUCCESS_URL_FORMAT INCORRECT_FAIL_URL_FORMAT INVALID_SUCCESS_URL INVALID_URL INVALID_URL_FORMAT
    INVALID_FLOW_MODE_PARAMETERS INVALID_ORDER_NAME INVALID_CURRENCY INVALID_EASY_PAY INVALID_CARD_COMPANY
    INVALID_BANK INVALID_EMAIL INVALID_CUSTOMER_KEY INVALID_ISO_DATE_FORMAT INVALID_VIRTUAL_ACCOUNT_TYPE
    INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE INVALID_CASH_RECEIPT_INFO INVALID_CARD_INSTALLMENT_AMOUNT
    INVALID_CARD_INSTALLMENT_PLANS_WITH_MAX_AND_SINGLE NOT_ALLOWED_INSTALLMENT_BELOW_AMOUNT
    EXCEED_MAX_VALID_HOURS EXCEED_MIN_CARD_INSTALLMENT_PLAN EXCEEDS_TRANSFER_AMOUNT_MAXIMUM
    NOT_SUPPORTED_CARRIER NOT_SUPPORTED_USD NOT_SUPPORTED_METHOD REQUIRED_ACCOUNT_KEY
""")

_CANCEL_REJECTED = _codes("""
    NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER
    NOT_MATCHES_REFUNDABLE_AMOUNT NOT_ALLOWED_PARTIAL_REFUND NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT
    EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT EXCEED_MAX_REFUND_DUE REFUND_REJECTED FORBIDDEN_BANK_REFUND_REQUEST
    INVALID_BANK INVALID_REFUND_ACCOUNT_INFO INVALID_REFUND_ACCOUNT_NUMBER INVALID_REFUND_AMOUNT
    INVALID_CURRENCY NOT_ALLOWED_REFUND_BANK
""")

_VIRTUAL_ACCOUNT_REJECTED = _AMOUNT_REJECTED | _codes("""
    INVALID_REGISTRATION_NUMBER_TYPE INVALID_DATE INVALID_BANK INVALID_ORDER_NAME
    INVALID_VIRTUAL_ACCOUNT_TYPE INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE INVALID_CASH_RECEIPT_INFO
    INVALID_ISO_DATE_FORMAT EXCEED_MAX_DUE_DATE EXCEED_MAX_VALID_HOURS REQUIRED_ACCOUNT_KEY
""")


_QUERY_REJECTED = _codes("INVALID_DATE INVALID_ISO_DATE_FORMAT INVALID_PAGING_KEY EXCEED_MAX_QUERY_LIMIT")


def _list(**kinds: frozenset[str]) -> Mapping[str, Refusal]:
    """An operation's list: what every operation shares, then `declined=…`, `rejected=…` and so on of its
    own.
    """
    table = dict.fromkeys(_MERCHANT, Refusal.MERCHANT) | dict.fromkeys(_REJECTED, Refusal.REJECTED)
    for kind, codes in kinds.items():
        table |= dict.fromkeys(codes, Refusal(kind))
    return MappingProxyType(table)


REFUSALS: Mapping[Operation, Mapping[str, Refusal]] = MappingProxyType(
    {
        Operation.CREATE: _list(rejected=_CREATE_REJECTED, merchant=_SUBMALL_MERCHANT),
        Operation.CONFIRM: _list(
            declined=_CONFIRM_DECLINED,
            # Over only if no other confirm of this payment is open: a session that was used up may be gone
            # as well. EXPIRED_PAYMENT as an HTTP code is *inferred*; it is seen in Payment.failure (toss/api.md
            # 2).
            expired=_codes("NOT_FOUND_PAYMENT_SESSION EXPIRED_PAYMENT"),
            rejected=_AMOUNT_REJECTED | _codes("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM INVALID_CURRENCY"),
            merchant=_SUBMALL_MERCHANT,
            not_found=_codes("NOT_FOUND_PAYMENT"),
        ),
        Operation.CANCEL: _list(
            rejected=_CANCEL_REJECTED,
            # Limits of the contract: the same cancel is refused until an operator has them raised or waits.
            merchant=_codes("EXCEED_CANCEL_LIMIT EXCEED_MAX_REFUND_AMOUNT NOT_SUPPORTED_REFUND"),
            not_found=_codes("NOT_FOUND_PAYMENT"),
        ),
        Operation.READ: _list(not_found=_codes("NOT_FOUND_PAYMENT")),
        Operation.BILLING_CHARGE: _list(
            declined=_CHARGE_DECLINED,
            rejected=_AMOUNT_REJECTED
            | _codes("NOT_MATCHES_CUSTOMER_KEY INVALID_BILL_KEY_REQUEST INVALID_CUSTOMER_KEY"),
            not_found=_codes("ALREADY_REMOVED_BILLING_KEY NOT_FOUND_BILLING"),
        ),
        Operation.BILLING_ISSUE: _list(
            declined=_ISSUE_DECLINED,
            rejected=_codes(
                "INVALID_BIRTH_DAY_FORMAT INVALID_EMAIL INVALID_CUSTOMER_KEY INVALID_BILLING_AUTH NOT_SUPPORTED_METHOD"
            ),
        ),
        Operation.VIRTUAL_ACCOUNT: _list(rejected=_VIRTUAL_ACCOUNT_REJECTED),
        # *Inferred* whole (error-codes.json).
        Operation.BILLING_DELETE: _list(not_found=_codes("ALREADY_REMOVED_BILLING_KEY NOT_FOUND_BILLING")),
        # *Inferred*; the cancel's list is published.
        Operation.CASH_RECEIPT: _list(
            rejected=_codes(
                "INVALID_CASH_RECEIPT_INFO INVALID_REGISTRATION_NUMBER_TYPE INVALID_BUSINESS_NUMBER "
                "INVALID_ORDER_NAME BELOW_ZERO_AMOUNT REQUIRED_AMOUNT"
            ),
        ),
        Operation.CASH_RECEIPT_CANCEL: _list(
            rejected=_codes("BELOW_ZERO_AMOUNT REQUIRED_AMOUNT"), not_found=_codes("NOT_FOUND_RECEIPT")
        ),
        Operation.CASH_RECEIPTS: _list(rejected=_QUERY_REJECTED, merchant=_codes("INVALID_BUSINESS_NUMBER")),
        Operation.TRANSACTIONS: _list(rejected=_QUERY_REJECTED | _codes("INVALID_TRANSACTION_KEY")),
        Operation.SETTLEMENTS: _list(rejected=_QUERY_REJECTED),
        Operation.SETTLEMENT_REQUEST: _list(not_found=_codes("NOT_FOUND_PAYMENT NOT_FOUND NOT_FOUND_METHOD")),
        Operation.PROMOTIONS: _list(),
    }
)


def refusal(operation: Operation, code: str) -> Refusal | None:
    """What `code` refuses for `operation`; None where it leaves the outcome open."""
    return REFUSALS[operation].get(code)


_BOOKS_ARE_STALE: Mapping[Operation, frozenset[str]] = MappingProxyType(
    {
        Operation.CREATE: _codes("DUPLICATED_ORDER_ID ALREADY_PROCESSED_PAYMENT"),
        Operation.CONFIRM: _codes("""
            ALREADY_PROCESSED_PAYMENT ALREADY_COMPLETED_PAYMENT ALREADY_CANCELED_PAYMENT DUPLICATED_ORDER_ID
            NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION EXPIRED_PAYMENT
        """),
        Operation.CANCEL: _codes("""
            NOT_MATCHES_REFUNDABLE_AMOUNT NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT INVALID_REFUND_AMOUNT
            NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT
            ALREADY_REFUNDING_PAYMENT NOT_FOUND_PAYMENT
        """),
        Operation.VIRTUAL_ACCOUNT: _codes("DUPLICATED_ORDER_ID ALREADY_PROCESSED_PAYMENT"),
        Operation.BILLING_CHARGE: _codes("DUPLICATED_ORDER_ID ALREADY_PROCESSED_PAYMENT"),
    }
)


def stale_codes(operation: Operation) -> frozenset[str]:
    """Return the codes of an operation that contradict what must have been believed to ask at all."""
    return _BOOKS_ARE_STALE.get(operation, frozenset())


def shows_stale_books(operation: Operation, code: str) -> bool:
    """Return whether a refusal with ``code`` contradicts what must have been believed to ask at all.

    The payment is then read at once: whoever asked gets the true answer, not the same refusal again and again.
    """
    return code in stale_codes(operation)
