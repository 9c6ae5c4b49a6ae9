"""Every guess about Toss in one place.

The reference marks these points *inferred*, silent or in conflict. Where real Toss turns out to do something
else, changing the line here is all there is to do.
"""

from __future__ import annotations

from datetime import timedelta

# toss/api.md 1.1: three per-endpoint tables say 403, an SDK's comment says 401; the status itself is in
# error-codes.json.
MISSING_COLON = "INCORRECT_BASIC_AUTH_FORMAT"

# toss/api.md 2: the code for an amount or orderId that differs from the window's is undocumented.
CONFIRM_MISMATCH = "INVALID_REQUEST"
# A payment confirmed with another key than the one that opened it: toss/api.md 1.1 "wrong pair/merchant" [1src].
CONFIRM_WITH_ANOTHER_KEY = "INVALID_API_KEY"
# Confirming before the customer has authenticated: undocumented.
CONFIRM_BEFORE_AUTHENTICATION = "NOT_FOUND_PAYMENT_SESSION"
# Confirming again after a declined confirm: undocumented.
CONFIRM_AFTER_ABORT = "ALREADY_PROCESSED_PAYMENT"
# Below-minimum and above-maximum refusals leave the payment as it was: undocumented.

# toss/api.md 5.1 has the API take http(s) alone; that the SDK of a phone application takes its own scheme (myapp://…)
# as successUrl and failUrl is not written there.
APP_SCHEMES_FROM_THE_SDK = True

# Opening the window for an orderId that was already approved. The code is listed for key-in, accounts and billing.
REFUSE_APPROVED_ORDER_ID = True
APPROVED_ORDER_ID = "DUPLICATED_ORDER_ID"

# A card refused inside the window leaves the payment READY; only a declined confirm is documented to abort it.
WINDOW_DECLINE = "REJECT_CARD_COMPANY"
WINDOW_CLOSED = "PAY_PROCESS_CANCELED"

# toss/api.md 5.4 [inferred]
CANCEL_WRONG_STATE = "NOT_CANCELABLE_PAYMENT"
CANCEL_CURRENCY_MISMATCH = "INVALID_CURRENCY"
# What Toss answers where the tax parts of a cancel do not add up is undocumented: more tax free (or exempt) than is
# left of it, or a taxed part (cancelAmount less those two) above what is taxed and left. "취소 할 수 없는 금액 입니다."
CANCEL_TAX_FREE_TOO_HIGH = "NOT_CANCELABLE_AMOUNT"
CANCEL_TAXABLE_TOO_HIGH = "NOT_CANCELABLE_AMOUNT"
CANCEL_WHILE_ONE_RUNS = "ALREADY_REFUNDING_PAYMENT"
# toss/api.md 15: "after delivery data exists, cancel is refused until receipt is confirmed"; the code is undocumented.
CANCEL_IN_DELIVERY = "NOT_CANCELABLE_PAYMENT"
# toss/api.md 5.4 names refundStatus FAILED and says nothing of what may follow: whether a cancel with another account,
# once nothing is left to cancel, sends the money again.
REFUND_AGAIN_AFTER_FAILURE = True
CANCEL_WITHOUT_REFUND_ACCOUNT = "INVALID_REFUND_ACCOUNT_INFO"
CREATE_MISSING_PARAMETER = "INVALID_REQUIRED_PARAM"
AMOUNT_NOT_POSITIVE = "BELOW_ZERO_AMOUNT"

# Real records show a secret on card payments, documentation samples show null (toss/api.md 4).
SECRET_ON_EVERY_APPROVED_PAYMENT = True

# toss/codes.md names BUYER, CARD_COMPANY and MERCHANT; the published record of interest-free instalments has
# CARD_COMPANY.
INTEREST_PAYER, INTEREST_FREE_PAYER = "BUYER", "CARD_COMPANY"

# toss/webhooks.md "Headers": not stated whether a retry keeps its id.
SAME_TRANSMISSION_ID_ON_RETRY = True

# toss/api.md 5.3: which attempt is returned for an orderId with several is undocumented: the approved, else the newest.
PREFER_APPROVED_ATTEMPT = True

# toss/webhooks.md "Signature algorithm": whether the HMAC key is the 64 hex characters as text or the 32 bytes they
# stand for. `text` or `hex`; POST /sandbox/settings changes it for one key.
SIGNATURE_KEY = "text"

# toss/webhooks.md "What each flow delivers" names only DEPOSIT_CALLBACK for a reversal.
REVERSAL_SENDS_PAYMENT_STATUS_CHANGED = False
# toss/api.md 8: the sign of a cancel row is undocumented (settlements have it negative).
NEGATIVE_CANCEL_TRANSACTIONS = True

# toss/api.md 6: amounts below the minimum; the code is published for confirm, key-in and billing.
ACCOUNT_BELOW_MINIMUM = "BELOW_MINIMUM_AMOUNT"
# toss/api.md 7: a used or unknown authKey, an unknown billing key.
UNKNOWN_AUTH_KEY = "INVALID_BILLING_AUTH"
UNKNOWN_BILLING_KEY = "INVALID_BILL_KEY_REQUEST"
SHORT_CUSTOMER_KEY = "INVALID_CUSTOMER_KEY"
# Refused key-in and billing charges leave no payment behind: undocumented.

# toss/api.md 8, 9: a missing or crossed date range; more than the page limit.
BAD_RANGE = "INVALID_DATE"
ABOVE_PAGE_LIMIT = "EXCEED_MAX_QUERY_LIMIT"
# toss/api.md 9: asking twice for a manual settlement, or for a payment that holds no money.
SETTLEMENT_REFUSED = "FORBIDDEN_REQUEST"
# toss/api.md 10: cancelling a receipt that is cancelled, failed, a cancel itself, or belongs to a payment.
RECEIPT_NOT_CANCELABLE = "FORBIDDEN_REQUEST"
# toss/api.md 10: whether the list has automatic receipts of payments too.
LIST_AUTOMATIC_RECEIPTS = True

# toss/api.md 13: the v2 error codes were not found; these are the nearest of the site-wide list.
UNREADABLE_BODY = "INVALID_REQUEST"
UNKNOWN_SELLER = "NOT_FOUND_SUBMALL"
KNOWN_SELLER = "ALREADY_EXIST_SUBMALL"
KNOWN_PAYOUT = "DUPLICATED_REQUEST"
SELLER_NOT_PAYABLE = "FORBIDDEN_REQUEST"
PAYOUT_NOT_CANCELABLE = "NOT_SUPPORTED_PROCESS"
PAYOUT_FAILURE = "ACCOUNT_OWNER_CHECK_FAILED"
# toss/api.md 13, toss/webhooks.md: PARTIALLY_APPROVED is not told for a corporate registration, so a company begins
# there.
NEW_SELLER_STATUS = {
    "INDIVIDUAL": "APPROVAL_REQUIRED",
    "INDIVIDUAL_BUSINESS": "APPROVAL_REQUIRED",
    "CORPORATE": "PARTIALLY_APPROVED",
}
PAYABLE_SELLERS = frozenset({"PARTIALLY_APPROVED", "APPROVED"})
# When the bank is asked, and how long it takes: undocumented.
EXPRESS_PICKUP = timedelta(minutes=1)
SCHEDULED_PAYOUT_HOUR = 9
PAYOUT_TIME = timedelta(minutes=10)
# An array of payouts is answered with a list; the rows of a v2 page without `limit`, and at most.
PAYOUTS_ANSWERED_AS_LIST = True
V2_PAGE_DEFAULT, V2_PAGE_LIMIT = 100, 10_000
# toss/api.md 12: the statuses of a sub-mall are not published.
SUBMALL_STATUS = "APPROVED"

# toss/api.md 1.4: no code was published for the 429 of the test environment's limit.
TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"

# What a merchant pays, before VAT: thousandths of the amount, and flat KRW. The published rows give 2.1 % for a card
# (64,601 → 1,356, rounded down) and 300 for an account; the rest is a guess.
FEE_PER_MILLE = {"카드": 21, "간편결제": 21, "계좌이체": 18, "휴대폰": 35}
FEE_PER_MILLE_OTHERS = 50
FEE_FLAT_KRW = {"가상계좌": 300}
# The same rows: sold on a Sunday, paid out on Thursday; Monday, Friday. Holidays are not known here.
PAY_OUT_BUSINESS_DAYS = 4

# Unknown paths and methods.
UNKNOWN_PATH = "NOT_FOUND"
UNKNOWN_METHOD = "NOT_FOUND_HTTP_METHOD"
BODY_TOO_LARGE = "INVALID_REQUEST"

# toss/codes.md "Payment method": the English strings of response values are not documented.
ENGLISH_VALUES = {
    "카드": "CARD",
    "가상계좌": "VIRTUAL_ACCOUNT",
    "간편결제": "EASY_PAY",
    "휴대폰": "MOBILE_PHONE",
    "계좌이체": "TRANSFER",
    "문화상품권": "CULTURE_GIFT_CERTIFICATE",
    "도서문화상품권": "BOOK_GIFT_CERTIFICATE",
    "게임문화상품권": "GAME_GIFT_CERTIFICATE",
    "해외간편결제": "FOREIGN_EASY_PAY",
    "신용": "CREDIT",
    "체크": "CHECK",
    "기프트": "GIFT",
    "미확인": "UNKNOWN",
    "개인": "PERSONAL",
    "법인": "CORPORATE",
    "일반": "NORMAL",
    "고정": "FIXED",
    "토스페이": "TOSSPAY",
    "네이버페이": "NAVERPAY",
    "삼성페이": "SAMSUNGPAY",
    "애플페이": "APPLEPAY",
    "엘페이": "LPAY",
    "카카오페이": "KAKAOPAY",
    "핀페이": "PINPAY",
    "페이코": "PAYCO",
    "SSG페이": "SSG",
    "소득공제": "INCOME_DEDUCTION",
    "지출증빙": "EXPENSE_PROOF",
}
ENGLISH_FIELDS = frozenset({"method", "cardType", "ownerType", "accountType", "provider", "type"})
