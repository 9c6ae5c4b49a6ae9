"""Every error code that paywon answers with, its kind and its words in Korean and English."""

from typing import Final

from paywon.base.errors import ErrorKind, ErrorText, PaywonError
from paywon.base.redaction import redact_text

_K = ErrorKind

CATALOGUE: Final[dict[str, ErrorText]] = {
    # Input
    "INVALID_REQUEST": ErrorText(_K.INVALID, "잘못된 요청입니다. {hint_ko}", "The request is not valid. {hint_en}"),
    "INVALID_JSON": ErrorText(
        _K.INVALID, "본문이 올바른 JSON(UTF-8)이 아닙니다.", "The body is not valid JSON in UTF-8."
    ),
    "CARD_DATA_REFUSED": ErrorText(
        _K.INVALID,
        "{name}: 카드 번호로 보이는 것이 있습니다. 카드 정보는 토스 결제창에만 입력합니다. 빼고 다시 보내 주세요.",
        "{name}: This looks like card data, which is entered at Toss only. Leave it out and send the request again.",
    ),
    "ACCOUNT_NUMBER_REFUSED": ErrorText(
        _K.INVALID,
        "{name}: 계좌번호는 저장하지 않습니다. 환불 계좌는 refundReceiveAccount에 넣어 주세요.",
        "{name}: Account numbers are not stored. Where a refund goes is told in refundReceiveAccount.",
    ),
    "PAYLOAD_TOO_LARGE": ErrorText(
        _K.TOO_LARGE,
        "본문이 너무 큽니다. 최대 {limit_kb} KB입니다.",
        "The body is too large; {limit_kb} KB at most.",
    ),
    "REQUEST_TIMEOUT": ErrorText(
        _K.REQUEST_TIMEOUT,
        "요청 본문이 제때 도착하지 않았습니다. 다시 보내 주세요.",
        "The body did not arrive in time; send the request again.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": ErrorText(
        _K.UNSUPPORTED_MEDIA_TYPE,
        "Content-Type은 application/json이어야 합니다.",
        "Content-Type has to be application/json.",
    ),
    "NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 주소입니다.", "There is nothing at this address."),
    "METHOD_NOT_ALLOWED": ErrorText(
        _K.METHOD_NOT_ALLOWED,
        "이 주소에서 쓸 수 없는 메서드입니다.",
        "This address does not take that method.",
    ),
    "CURRENCY_NOT_SUPPORTED": ErrorText(
        _K.UNPROCESSABLE, "원화(KRW)만 결제할 수 있습니다.", "Only KRW can be paid so far."
    ),
    # Who asks
    "UNAUTHENTICATED": ErrorText(
        _K.UNAUTHENTICATED,
        "유효한 API 키나 사용자 토큰이 필요합니다. 'Authorization: Bearer …' 헤더를 보내세요.",
        "A valid API key or user token is needed: send the header 'Authorization: Bearer …'.",
    ),
    "TOKEN_EXPIRED": ErrorText(
        _K.UNAUTHENTICATED,
        "사용자 토큰이 만료되었습니다. 새로 받아 다시 보내세요.",
        "The user token has expired; get a new one and send the request again.",
    ),
    "TOKEN_KEYS_UNAVAILABLE": ErrorText(
        _K.UNAVAILABLE,
        "사용자 토큰을 검증할 공개 키를 가져올 수 없습니다. 잠시 후 다시 시도해 주세요.",
        "The public keys that verify user tokens cannot be fetched right now; try again shortly.",
    ),
    "FORBIDDEN": ErrorText(
        _K.FORBIDDEN, "이 키나 토큰에는 '{scope}' 권한이 없습니다.", "This key or token lacks the scope '{scope}'."
    ),
    "NOT_YOURS": ErrorText(
        _K.FORBIDDEN, "userId는 로그인한 사용자 자신이어야 합니다.", "userId has to be the signed-in user's own."
    ),
    # The same request twice
    "IDEMPOTENCY_KEY_REUSED": ErrorText(
        _K.UNPROCESSABLE,
        "이 Idempotency-Key는 다른 요청에 이미 쓰였습니다. 새 요청에는 새 키를 쓰세요.",
        "This Idempotency-Key was used for another request; use a new key for a new request.",
    ),
    "IDEMPOTENCY_KEY_RUNNING": ErrorText(
        _K.CONFLICT,
        "같은 Idempotency-Key의 첫 요청을 아직 처리하고 있습니다. 잠시 후 같은 요청을 다시 보내세요.",
        "The first request with this Idempotency-Key is still running; send the same request again shortly.",
    ),
    # Orders
    "ORDER_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 주문입니다.", "There is no such order."),
    "ORDER_EXPIRED": ErrorText(
        _K.CONFLICT,
        "주문의 결제 기한이 지났습니다. 새로 주문해 주세요.",
        "The order has expired; place a new one.",
    ),
    "ORDER_CANCELED": ErrorText(_K.CONFLICT, "취소된 주문입니다.", "The order was cancelled."),
    "ORDER_ALREADY_PAID": ErrorText(_K.CONFLICT, "이미 결제가 완료된 주문입니다.", "The order has already been paid."),
    "CAPSULE_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 캡슐입니다.", "There is no such capsule."),
    "CUSTOM_OPEN_AT_IN_PAST": ErrorText(
        _K.UNPROCESSABLE,
        "여는 시각(customOpenAt)은 미래여야 합니다.",
        "customOpenAt has to lie in the future.",
    ),
    "CUSTOM_OPEN_AT_REQUIRED": ErrorText(
        _K.UNPROCESSABLE,
        "timeOption이 CUSTOM이면 customOpenAt이 필요하고, 아니면 보내지 않아야 합니다.",
        "customOpenAt is needed with timeOption CUSTOM and only then.",
    ),
    "FULFILMENT_FIELDS": ErrorText(
        _K.UNPROCESSABLE,
        "timeOption, headcount, title은 time_capsule에만, 모두 보냅니다. options는 플러그인에만 보냅니다.",
        "time_capsule needs timeOption, headcount and title, which other kinds do not take; options are for plug-ins.",
    ),
    "UNKNOWN_FULFILMENT": ErrorText(
        _K.INVALID,
        "그런 이행은 없습니다. {kinds} 가운데 하나를 쓰세요.",
        "There is no such fulfilment; it is one of {kinds}.",
    ),
    "EXPIRES_AT_IN_PAST": ErrorText(
        _K.UNPROCESSABLE, "expiresAt은 미래여야 합니다.", "expiresAt has to lie in the future."
    ),
    "EXPIRES_AT_TOO_FAR": ErrorText(
        _K.UNPROCESSABLE,
        "기한이 너무 멉니다. 늦어도 {latest}까지입니다.",
        "The end is too far away: {latest} is the latest time.",
    ),
    "FREE_ORDER_NOT_ALLOWED": ErrorText(
        _K.UNPROCESSABLE,
        "0원 주문은 서버(API 키)만 만들 수 있습니다.",
        "Only a server (API key) may place an order of 0 won.",
    ),
    "TOO_MANY_OPEN_ORDERS": ErrorText(
        _K.CONFLICT,
        "결제하지 않은 주문이 이미 {limit}개 있습니다. 결제하거나 취소한 뒤 다시 주문해 주세요.",
        "{limit} orders are open and unpaid already; pay or cancel one before you place another.",
    ),
    "PRICE_MISMATCH": ErrorText(
        _K.UNPROCESSABLE,
        "이 상품의 가격은 {expected_krw}원입니다.",
        "The price of this is {expected_krw} KRW.",
    ),
    "PRICE_UNKNOWN": ErrorText(
        _K.UNPROCESSABLE,
        "'{kind}'의 가격이 정해지지 않아 사용자 토큰으로는 주문할 수 없습니다. 서버(API 키)로 주문하세요.",
        "'{kind}' has no price set, so a user's token cannot order it; place the order from a server (API key).",
    ),
    "ORDER_AWAITS_DEPOSIT": ErrorText(
        _K.CONFLICT,
        "발급한 가상계좌의 입금을 기다리는 주문입니다. POST /payments/…/refund로 가상계좌를 먼저 취소하세요.",
        "The order awaits a deposit; cancel its virtual account first, by POST /payments/…/refund.",
    ),
    "REFUND_NEEDS_SHOP": ErrorText(
        _K.CONFLICT,
        "상품이 제공되는 주문은 상점만 환불할 수 있습니다. 상점에 문의해 주세요.",
        "Once it is handed over, or for a part of it, only the shop can refund this order; ask the shop.",
    ),
    "TAX_FREE_ABOVE_AMOUNT": ErrorText(
        _K.UNPROCESSABLE,
        "taxFreeAmount는 전체 금액보다 클 수 없습니다.",
        "taxFreeAmount cannot be larger than the amount that it is part of.",
    ),
    "TAX_FREE_DOES_NOT_FIT": ErrorText(
        _K.UNPROCESSABLE,
        "taxFreeAmount는 남은 면세 금액과 과세 금액에 맞아야 합니다: {least_krw}원 이상 {most_krw}원 이하.",
        "taxFreeAmount has to fit what is left free of tax and taxable: {least_krw} to {most_krw} KRW.",
    ),
    # Payments
    "PAYMENT_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 결제입니다.", "There is no such payment."),
    "PAYMENT_KEY_NOT_CURRENT": ErrorText(
        _K.CONFLICT,
        "토스페이먼츠가 거절한 예전 paymentKey입니다. 이 키로 승인된 돈이 없어 아무것도 취소하지 않았습니다.",
        "This is an earlier paymentKey, declined by Toss Payments: nothing was approved under it or cancelled.",
    ),
    "OUTCOME_UNKNOWN": ErrorText(
        _K.OUTCOME_UNKNOWN,
        "요청을 받았지만 결과를 아직 알 수 없습니다. 같은 Idempotency-Key 없이 다시 보내지 마세요. "
        "Location 주소나 결제를 조회해 결과를 확인하세요.",
        "The request was taken and its outcome is not known yet. Do not repeat it without the same Idempotency-Key: "
        "read Location, or the payment.",
    ),
    "DUPLICATE_PAYMENT": ErrorText(
        _K.CONFLICT,
        "이 대상에 진행 중인 결제가 이미 있습니다. 그 결제를 계속하거나 만료를 기다려 주세요.",
        "A payment for this resource is already open; continue it or wait until it expires.",
    ),
    "AMOUNT_MISMATCH": ErrorText(
        _K.UNPROCESSABLE,
        "결제 금액이 주문 금액({expected_krw}원)과 다릅니다. 결제하지 않았습니다.",
        "The amount differs from the order's ({expected_krw} KRW). Nothing was charged.",
    ),
    "AMOUNT_BELOW_MINIMUM": ErrorText(
        _K.UNPROCESSABLE,
        "이 결제수단은 {minimum_krw}원부터 결제할 수 있습니다.",
        "This means of payment takes {minimum_krw} KRW or more.",
    ),
    "PAYMENT_IN_PROGRESS": ErrorText(
        _K.CONFLICT,
        "이 결제에 처리 중인 요청이 있습니다. 잠시 후 결과를 확인해 주세요.",
        "Another request on this payment is running; look at its result in a moment.",
    ),
    "PAYMENT_DECLINED": ErrorText(
        _K.DECLINED,
        "결제가 거절되었습니다{said}. 다른 결제수단으로 다시 시도해 주세요.",
        "The payment was declined{said}. Try another means of payment.",
    ),
    "PAYMENT_EXPIRED": ErrorText(
        _K.CONFLICT,
        "고객이 아직 결제창에서 인증하지 않았거나 결제 가능 시간이 지났습니다. "
        "인증한 뒤 다시 승인하거나, 결제창을 다시 여세요.",
        "The customer has not authenticated yet, or the time to pay has passed: confirm after that, or open the "
        "payment window again.",
    ),
    "PAYMENT_REFUSED": ErrorText(
        _K.UNPROCESSABLE,
        "토스페이먼츠가 요청을 받아들이지 않았습니다 ({provider_code}){said}.",
        "Toss Payments did not accept the request ({provider_code}){said}.",
    ),
    "PROVIDER_MISCONFIGURED": ErrorText(
        _K.PROVIDER_FAULT,
        "토스페이먼츠 연동 설정이 잘못되었습니다 ({provider_code}). 운영자는 키와 계약을 확인해 주세요.",
        "Toss Payments refuses our keys or contract ({provider_code}); an operator has to look.",
    ),
    "PROVIDER_UNAVAILABLE": ErrorText(
        _K.UNAVAILABLE,
        "토스페이먼츠에 연결할 수 없습니다. 돈은 움직이지 않았습니다. 잠시 후 다시 시도해 주세요.",
        "Toss Payments cannot be reached. No money has moved; try again shortly.",
    ),
    "REFUND_NOT_ALLOWED": ErrorText(
        _K.CONFLICT,
        "환불할 수 없는 상태의 결제입니다 ({status}).",
        "A payment in this state cannot be refunded ({status}).",
    ),
    "BALANCE_CHANGED": ErrorText(
        _K.CONFLICT,
        "토스의 잔액이 바뀌어 있어 환불하지 않았습니다. 지금 환불할 수 있는 금액은 {refundable_krw}원입니다.",
        "Toss's balance had changed, so nothing was refunded. {refundable_krw} KRW can be refunded now.",
    ),
    "DUPLICATE_REFUND": ErrorText(
        _K.CONFLICT,
        "같은 금액과 사유의 환불을 1분 안에 이미 요청했습니다. 다시 보낸 것이라면 Idempotency-Key를, "
        "한 번 더 환불하려면 allowDuplicate를 보내 주세요.",
        "The same refund was asked for within the last minute. Send an Idempotency-Key with repeats, "
        "or allowDuplicate for a second refund.",
    ),
    "REFUND_EXCEEDS_BALANCE": ErrorText(
        _K.UNPROCESSABLE,
        "환불 금액이 환불 가능 금액({refundable_krw}원)보다 큽니다.",
        "The refund is larger than what can be refunded ({refundable_krw} KRW).",
    ),
    "REFUND_ACCOUNT_REQUIRED": ErrorText(
        _K.UNPROCESSABLE,
        "가상계좌 환불에는 refundReceiveAccount가 필요합니다.",
        "A virtual account's refund needs refundReceiveAccount.",
    ),
    "UNKNOWN_BANK": ErrorText(
        _K.UNPROCESSABLE,
        "알 수 없는 은행입니다. 코드(06), 한글(국민은행) 또는 영문(KOOKMIN) 이름을 쓰세요.",
        "Unknown bank: use its code (06), Korean (국민은행) or English name (KOOKMIN).",
    ),
    "DUE_DATE_TWICE": ErrorText(
        _K.UNPROCESSABLE,
        "dueDate와 validHours 가운데 하나만 보내세요.",
        "Send either dueDate or validHours, not both.",
    ),
    "DUE_DATE_OUT_OF_RANGE": ErrorText(
        _K.UNPROCESSABLE,
        "dueDate는 지금부터 90일 안의 시각이어야 합니다.",
        "dueDate has to be a time within the next 90 days.",
    ),
    "DEPOSIT_AWAITED": ErrorText(
        _K.CONFLICT,
        "발급한 가상계좌의 입금을 기다리고 있습니다. 다른 방법으로 결제하려면 먼저 취소하세요.",
        "A virtual account awaits its deposit; cancel it first to pay another way.",
    ),
    "BILLING_KEY_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 빌링키입니다.", "There is no such billing key."),
    "BILLING_KEY_NOT_READY": ErrorText(
        _K.CONFLICT,
        "쓸 수 없는 상태의 빌링키입니다 ({status}). ISSUING은 아직 발급 중, FAILED는 발급되지 않았다는 뜻입니다.",
        "The billing key cannot be used ({status}): ISSUING is not issued yet, FAILED never was.",
    ),
    "BILLING_KEY_DELETED": ErrorText(
        _K.CONFLICT,
        "삭제되었거나 삭제하고 있는 빌링키입니다. 고객이 카드를 다시 등록해야 합니다.",
        "The billing key is deleted, or being deleted; the customer has to register a card again.",
    ),
    "BILLING_KEY_EXISTS": ErrorText(
        _K.CONFLICT,
        "토스페이먼츠가 이미 등록된 빌링키를 돌려주었습니다. 등록된 것을 그대로 쓰세요.",
        "Toss Payments issued a billing key that is registered already; use that one.",
    ),
    "BILLING_CUSTOMER_MISMATCH": ErrorText(
        _K.UNPROCESSABLE,
        "customerKey가 이 빌링키의 것과 다릅니다. 결제하지 않았습니다.",
        "customerKey is not the one of this billing key. Nothing was charged.",
    ),
    "BILLING_PERIOD_CHARGED": ErrorText(
        _K.CONFLICT,
        "이 빌링키로 이 기간의 결제를 이미 했거나 하고 있습니다.",
        "This billing key has been charged for this period, or is being charged.",
    ),
    # Cash receipts
    "CASH_RECEIPT_NOT_FOUND": ErrorText(
        _K.NOT_FOUND, "이 결제에 없는 현금영수증입니다.", "This payment has no such cash receipt."
    ),
    "CASH_RECEIPT_NOT_ALLOWED": ErrorText(
        _K.CONFLICT,
        "현금으로 낸 금액이 없거나 남아 있지 않아 현금영수증을 발급할 수 없는 결제입니다 ({status}). "
        "카드, 휴대폰, 카드로 낸 간편결제에는 발급하지 않습니다.",
        "Nothing of this payment came as cash, or nothing of it is left, to issue a cash receipt for ({status}). "
        "There is none for a card, a phone bill, or easy pay by card.",
    ),
    "CASH_RECEIPT_EXCEEDS": ErrorText(
        _K.UNPROCESSABLE,
        "금액이 남은 금액({left_krw}원)보다 큽니다.",
        "The amount is larger than what is left ({left_krw} KRW).",
    ),
    "CASH_RECEIPT_NOT_CANCELABLE": ErrorText(
        _K.CONFLICT,
        "발급에 실패했거나 이미 모두 취소한 현금영수증입니다.",
        "This cash receipt failed, or all of it has been cancelled.",
    ),
    "CASH_RECEIPT_IN_PROGRESS": ErrorText(
        _K.CONFLICT,
        "현금영수증 요청을 처리하고 있습니다. 잠시 후 목록을 확인해 주세요.",
        "A cash receipt is being asked for; look into the list in a moment.",
    ),
    # What Toss has booked
    "DATE_RANGE_INVALID": ErrorText(
        _K.UNPROCESSABLE,
        "startDate는 endDate보다 늦을 수 없고, 기간은 최대 {max_days}일입니다.",
        "startDate cannot be later than endDate, and the span has at most {max_days} days.",
    ),
    "RECEIPT_NOT_AVAILABLE": ErrorText(
        _K.NOT_FOUND, "아직 영수증이 없는 결제입니다.", "This payment has no receipt yet."
    ),
    "CURSOR_INVALID": ErrorText(
        _K.INVALID,
        "cursor가 올바르지 않습니다. 앞 응답의 nextCursor를 그대로 보내세요.",
        "cursor is not valid: send the nextCursor of the previous answer as it was.",
    ),
    # Webhooks in
    "WEBHOOK_REJECTED": ErrorText(
        _K.UNAUTHENTICATED,
        "토스페이먼츠가 보낸 웹훅인지 확인할 수 없습니다.",
        "The webhook does not prove to come from Toss Payments.",
    ),
    # The doubtful desk
    "DOUBT_NOT_FOUND": ErrorText(_K.NOT_FOUND, "열려 있는 의심 건이 아닙니다.", "Nothing of that id is in doubt."),
    "SECOND_OPERATOR_NEEDED": ErrorText(
        _K.CONFLICT,
        "실패로 표시하려면 제안한 사람이 아닌 두 번째 담당자가 다른 API 키로 확인해야 합니다.",
        "Marking as failed needs a second operator with another API key than the one who proposed it.",
    ),
    "TOSS_SAYS_OTHERWISE": ErrorText(
        _K.CONFLICT,
        "토스의 답을 보면 실패로 볼 수 없습니다: {shown}.",
        "What Toss answered shows otherwise: {shown}.",
    ),
    "TOSS_NOT_HEARD": ErrorText(
        _K.UNAVAILABLE,
        "토스의 답을 들을 수 없어 결정할 수 없습니다. 토스를 조회할 수 있을 때 다시 시도하세요.",
        "Toss was not heard, so nothing can be decided: try again once Toss can be read.",
    ),
    "APPROVED_FOR_ANOTHER_ORDER": ErrorText(
        _K.CONFLICT,
        "토스는 이 paymentKey가 승인되었다고 하지만({shown}) 다른 주문의 결제입니다. 여기서 취소할 수 없습니다.",
        "Toss shows this paymentKey as approved ({shown}), but for another order: it cannot be cancelled here.",
    ),
    "NOTHING_TO_CANCEL": ErrorText(
        _K.CONFLICT,
        "방금 토스를 읽어 보니 취소할 승인이 없습니다.",
        "Toss, read just now, shows no approval that could be cancelled.",
    ),
    "FULFILLED_BY_EVENT": ErrorText(
        _K.CONFLICT,
        "이 주문은 order.paid 이벤트로 넘깁니다. 이벤트 수신 주소의 redeliver로 다시 보내세요.",
        "This order is handed over by the event order.paid: send it again by its endpoint's redeliver.",
    ),
    "WEBHOOK_MALFORMED": ErrorText(
        _K.INVALID, "토스페이먼츠 웹훅이 아닙니다. {hint_ko}", "This is not a Toss webhook. {hint_en}"
    ),
    "WEBHOOK_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 웹훅입니다.", "There is no such webhook."),
    "WEBHOOK_NOT_REPROCESSABLE": ErrorText(
        _K.CONFLICT,
        "다시 볼 수 없는 웹훅입니다. 거절되었거나 우리 결제에 관한 것이 아닙니다.",
        "This webhook cannot be looked at again: it was rejected, or is about no payment of ours.",
    ),
    # Events to the application
    "EVENT_ENDPOINT_NOT_FOUND": ErrorText(
        _K.NOT_FOUND, "존재하지 않는 이벤트 수신 주소입니다.", "There is no such event endpoint."
    ),
    "EVENT_ENDPOINT_DISABLED": ErrorText(
        _K.CONFLICT,
        "꺼져 있는 수신 주소입니다 ({reason}). 먼저 PATCH로 enabled를 true로 바꾸세요.",
        "The endpoint is disabled ({reason}); enable it first: PATCH with enabled true.",
    ),
    "EVENT_NOT_FOUND": ErrorText(_K.NOT_FOUND, "존재하지 않는 이벤트입니다.", "There is no such event."),
    "ENDPOINT_URL_REFUSED": ErrorText(
        _K.UNPROCESSABLE,
        "이 주소로는 보내지 않습니다 ({why}). 인터넷에서 닿는 https:// 주소를 쓰세요.",
        "Events are not sent there ({why}): use an https:// address that is reached from the internet.",
    ),
    "EVENT_FILTER_UNKNOWN": ErrorText(
        _K.UNPROCESSABLE,
        "알 수 없는 이벤트입니다: {unknown}. 쓸 수 있는 것: {known}.",
        "Unknown event: {unknown}. There are: {known}.",
    ),
    "REDELIVERY_FIELDS": ErrorText(
        _K.UNPROCESSABLE,
        "eventId 하나, 또는 since(와 since보다 늦은 until)를 보내세요.",
        "Send either eventId, or since (with an until that is later).",
    ),
    "REDELIVERY_TOO_MANY": ErrorText(
        _K.UNPROCESSABLE,
        "한 번에 {most}건까지 다시 보냅니다. 기간을 나누세요.",
        "At most {most} events are sent again at once; take shorter spans.",
    ),
    # The machine room
    "DATABASE_UNAVAILABLE": ErrorText(
        _K.UNAVAILABLE,
        "데이터베이스를 쓸 수 없습니다. 잠시 후 다시 시도해 주세요.",
        "The database cannot be used right now; try again shortly.",
    ),
    "BUSY": ErrorText(
        _K.UNAVAILABLE,
        "다른 요청이 같은 주문이나 자료를 쓰고 있어 차례가 오지 않았습니다. 잠시 후 같은 요청을 다시 보내세요.",
        "Another request holds what this one needs, and its turn did not come; send the same request again shortly.",
    ),
    "TOO_MANY_REQUESTS": ErrorText(
        _K.TOO_MANY_REQUESTS,
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
        "Too many requests; slow down.",
    ),
    "INTERNAL": ErrorText(
        _K.INTERNAL,
        "예상하지 못한 오류입니다. 기록해 두었습니다. 다시 보내기 전에 결제 상태를 조회해 주세요.",
        "Something unforeseen went wrong and was recorded. Read the payment before you send it again.",
    ),
}


def kind_of(error: PaywonError) -> ErrorKind:
    """Look up which kind an error's code is."""
    return CATALOGUE[error.code].kind


def message_of(error: PaywonError, *, english: bool = False, with_original: bool = True) -> str:
    """Fill the words of an error's code with its values, and with what the provider said unless that stands beside."""
    text = CATALOGUE[error.code]
    words = text.en if english else text.ko
    return words.format_map(_Blank(error.values | {"said": _said(error) if with_original else ""})).strip()


def _said(error: PaywonError) -> str:
    """Return the provider's own sentence as it goes on after ours; nothing where it said nothing."""
    sentence = " ".join(redact_text(error.original_message or "").split()).rstrip(".")
    return f": {sentence}" if sentence else ""


class _Blank(dict[str, object]):
    """A value that was not given leaves a blank instead of a second error."""

    def __missing__(self, name: str) -> str:
        return ""
