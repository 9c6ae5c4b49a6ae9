"""The chapters of the story: a booking, a time capsule with its refunds, and what must be refused."""

from typing import Any, Final

from paywon.demo.errand import DemoTrouble, Reply
from paywon.demo.scene import Scene, expect, unexpected

# How many steps the three chapters tell, for the moving bar.
STEPS: Final = 4 + 9 + 6
Row = tuple[str, str, str]
BOOKING_KRW: Final = 50_000
CAPSULE_KRW: Final = 15_000
PART_KRW: Final = 5_000


async def booking(scene: Scene) -> Row:
    """A pet-hospital booking: request, pay, confirm, and the webhook that agrees."""
    teller = scene.teller
    teller.chapter("1. 동물병원 예약", "a pet-hospital booking")
    payment = await _requested(scene, "booking", "동물병원 예약")
    reply = await scene.authenticate(payment["paymentKey"])
    teller.step("손님이 토스에서 카드로 인증했습니다", "the customer authenticated at Toss", reply)
    confirmed, payment = await _confirmed(scene, payment)
    teller.step(
        "결제를 승인했습니다",
        "the payment is approved",
        confirmed,
        status=payment["status"],
        amount=_won(payment["amount"]),
        card=f"{payment['cardCompany']} ****{payment['cardLastFourDigits']}",
    )
    await _webhook(scene, payment)
    return "동물병원 예약 / booking", f"{_won(BOOKING_KRW)} {payment['status']}", _page(scene, payment["orderId"])


async def time_capsule(scene: Scene) -> Row:
    """A time capsule: order, widget, easy pay, the capsule, part of the money back, then all of it."""
    teller = scene.teller
    teller.chapter("2. 타임캡슐", "a time capsule")
    order = await _ordered(scene)
    payment_key = await _paid_at_widget(scene, order)
    view = await _capsule_confirmed(scene, order, payment_key)
    payment_id = view["payment"]["id"]
    await _capsule_is(scene, view["capsule"]["id"], "LOCKED")
    path = f"/api/payments/toss/{payment_key}/cancel"
    await _refunded(scene, payment_id, path, amount=PART_KRW, in_all=PART_KRW)
    teller.note("일부 환불이라 캡슐은 그대로 남습니다", "a partial refund leaves the capsule")
    await _refunded(scene, payment_id, path, amount=None, in_all=CAPSULE_KRW)
    await _capsule_is(scene, view["capsule"]["id"], "CANCELED")
    reply = expect(await scene.api.get(f"/api/payments/toss/orders/{order['orderNo']}"), 200)
    told = reply["payment"]
    _must(reply["order"]["status"] == "REFUNDED" and told["balanceAmount"] == 0, reply)
    teller.step(
        "주문은 전액 환불되었습니다",
        "the order is fully refunded",
        reply,
        order=reply["order"]["status"],
        toss=told["status"],
        balance=_won(told["balanceAmount"]),
    )
    teller.note(
        "나누어 환불하면 토스는 끝까지 PARTIAL_CANCELED라고 합니다. 남은 금액 0이 전액 환불이라는 뜻입니다",
        "refunded in parts, Toss keeps saying PARTIAL_CANCELED; a balance of 0 is what means fully refunded",
    )
    return "타임캡슐 / capsule", f"{_won(CAPSULE_KRW)} {reply['order']['status']}", _page(scene, order["orderNo"])


async def refusals(scene: Scene) -> list[Row]:
    """A declined card, and an amount that is not the order's."""
    scene.teller.chapter("3. 거절되어야 하는 것", "what has to be refused")
    return [await _declined_card(scene), await _wrong_amount(scene)]


async def _declined_card(scene: Scene) -> Row:
    payment = await _requested(scene, "declined", "한도가 찬 카드")
    await scene.authenticate(payment["paymentKey"], declineAtConfirm="REJECT_CARD_PAYMENT")
    reply = await scene.api.post("/payments/confirm", _confirmation(payment))
    if reply.status == 202:
        # The reply to a first try was lost on the way: what became of it is on the payment.
        settled = await scene.settled(payment["id"])
        code, said = settled["failureCode"], settled["failureReason"]
    else:
        _must(reply.status == 402, reply)
        code, said = reply["code"], reply.body.get("originalMessage") or reply["message"]
    scene.teller.step("카드가 거절되었습니다", "the card was declined", reply, code=code, toss=said)
    payment = expect(await scene.api.get(f"/payments/{payment['id']}"), 200).body
    _must(payment["status"] == "failed" and payment["approvedAt"] is None, reply)
    return "거절된 카드 / declined card", f"0원 {code}", _page(scene, payment["orderId"])


async def _wrong_amount(scene: Scene) -> Row:
    payment = await _requested(scene, "tampered", "금액을 바꾼 결제")
    reply = await scene.authenticate(payment["paymentKey"])
    scene.teller.step("손님이 토스에서 인증했습니다", "the customer authenticated at Toss", reply)
    reply = await scene.api.post("/payments/confirm", _confirmation(payment) | {"amount": 100})
    _must(reply.status == 422, reply)
    scene.teller.step(
        "100원으로 바꾼 승인 요청을 거절했습니다",
        "a confirm with the amount changed to 100 won was refused",
        reply,
        code=reply["code"],
    )
    log = expect(
        await scene.sandbox.get(f"/sandbox/requests?path=/v1/payments/confirm&orderId={payment['orderId']}"), 200
    )
    if log["requests"]:
        raise DemoTrouble("금액이 다른데 토스에 물었습니다", "Toss was asked although the amount differed")
    scene.teller.step("토스에는 묻지 않았습니다", "Toss was not asked", log, requests=len(log["requests"]))
    return "바꾼 금액 / wrong amount", f"0원 {reply['code']}", _page(scene, payment["orderId"])


async def _requested(scene: Scene, name: str, description: str) -> dict[str, Any]:
    scene.teller.doing("결제 요청", "requesting a payment")
    body = {
        "userId": "demo-customer",
        "resourceType": "booking",
        "resourceId": f"{name}-{scene.ticket}",
        "amount": BOOKING_KRW,
        "paymentMethod": "card",
        "customerName": "김보호",
        "description": description,
    }
    reply, payment = await scene.request_payment(body)
    scene.teller.step(
        f"결제를 요청했습니다 · {description}",
        "a payment is requested",
        reply,
        payment=payment["paymentNumber"],
        order=payment["orderId"],
        status=payment["status"],
        amount=_won(payment["amount"]),
    )
    return payment


async def _confirmed(scene: Scene, payment: dict[str, Any]) -> tuple[Reply, dict[str, Any]]:
    """Confirm; a repeat is safe, it answers the same payment."""
    scene.teller.doing("승인", "confirming")
    reply = expect(await scene.api.post("/payments/confirm", _confirmation(payment)), 200, 202)
    settled = await scene.settled(payment["id"])
    _must(settled["status"] == "completed", reply)
    return reply, settled


async def _webhook(scene: Scene, payment: dict[str, Any]) -> None:
    scene.teller.doing("웹훅을 기다리는 중", "waiting for the webhook")
    told = await scene.webhook_came(payment["orderId"])
    books = expect(await scene.api.get(f"/api/payments/toss/orders/{payment['orderId']}"), 200)
    _must((told["status"], told["totalAmount"]) == (books["payment"]["status"], books["payment"]["totalAmount"]), books)
    scene.teller.step(
        "토스의 웹훅이 왔고, 우리 장부와 같습니다",
        "Toss's webhook came, and says what our books say",
        books,
        webhook=f"{told['status']} {_won(told['totalAmount'])}",
        books=f"{books['payment']['status']} {_won(books['payment']['totalAmount'])}",
    )


async def _ordered(scene: Scene) -> dict[str, Any]:
    scene.teller.doing("주문", "placing the order")
    fulfilment = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 3, "title": "우리의 첫 여행"}
    body = {
        "orderName": "1년 타임캡슐",
        "amount": CAPSULE_KRW,
        "userId": "demo-customer",
        "fulfilment": fulfilment,
    }
    reply = expect(await scene.api.post("/api/orders", body), 201)
    order: dict[str, Any] = reply.body
    scene.teller.step(
        "주문을 만들었습니다",
        "the order is placed",
        reply,
        order=order["orderNo"],
        status=order["status"],
        amount=_won(order["amount"]),
    )
    return order


async def _paid_at_widget(scene: Scene, order: dict[str, Any]) -> str:
    """Open Toss's window as its browser script does, and pay by easy pay; answer the paymentKey."""
    back = scene.demo_url.removesuffix("/demo")
    window = {
        "orderId": order["orderNo"],
        "orderName": order["orderName"],
        "amount": order["amount"],
        "successUrl": f"{back}/payments/success",
        "failUrl": f"{back}/payments/fail",
    }
    reply = expect(await scene.sandbox.post("/sandbox/checkout", window), 200)
    payment_key: str = reply["paymentKey"]
    scene.teller.step("토스 결제창을 열었습니다", "Toss's payment window is open", reply, paymentKey=payment_key)
    reply = await scene.authenticate(payment_key, method="EASY_PAY", easyPayProvider="TOSSPAY")
    scene.teller.step("손님이 토스페이로 인증했습니다", "the customer authenticated with Toss Pay", reply)
    return payment_key


async def _capsule_confirmed(scene: Scene, order: dict[str, Any], payment_key: str) -> dict[str, Any]:
    scene.teller.doing("승인", "confirming")
    body = {"paymentKey": payment_key, "orderId": order["orderNo"], "amount": order["amount"]}
    reply = expect(await scene.api.post("/api/payments/toss/confirm", body), 200, 202)
    await scene.settled(reply["payment"]["id"])
    view: dict[str, Any] = expect(await scene.api.get(f"/api/payments/toss/orders/{order['orderNo']}"), 200).body
    _must(view["order"]["status"] == "PAID" and view["capsule"] is not None, reply)
    scene.teller.step(
        "결제되어 캡슐이 생겼습니다",
        "it is paid, and the capsule exists",
        reply,
        order=view["order"]["status"],
        toss=view["payment"]["status"],
        method=f"{view['payment']['method']} {view['payment']['easyPayProvider']}",
    )
    return view


async def _capsule_is(scene: Scene, capsule_id: str, status: str) -> None:
    reply = expect(await scene.api.get(f"/api/capsules/{capsule_id}"), 200)
    _must(reply["status"] == status, reply)
    told = ("캡슐은 잠겨 있습니다", "the capsule is locked")
    if status == "CANCELED":
        told = ("전액 환불로 캡슐이 취소되었습니다", "the full refund cancelled the capsule")
    scene.teller.step(*told, reply, capsule=reply["status"], opens=reply["openAt"][:10])


async def _refunded(scene: Scene, payment_id: str, path: str, *, amount: int | None, in_all: int) -> None:
    scene.teller.doing("환불", "refunding")
    body: dict[str, Any] = {"cancelReason": "데모 환불"}
    if amount is not None:
        body["cancelAmount"] = amount
    reply, payment = await scene.refund(payment_id, path, body, refunded_krw=in_all)
    said = (
        ("일부를 환불했습니다", "part of it is refunded")
        if amount
        else ("나머지를 모두 환불했습니다", "all the rest is")
    )
    fields = {
        "refunded": _won(payment["refundedAmount"]),
        "left": _won(payment["refundableAmount"]),
        "status": payment["status"],
    }
    if reply is None:
        scene.teller.seen(*said, **fields)
    else:
        scene.teller.step(*said, reply, **fields)


def _confirmation(payment: dict[str, Any]) -> dict[str, Any]:
    return {"paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": payment["amount"]}


def _page(scene: Scene, order_no: str) -> str:
    return f"{scene.demo_url}/orders/{order_no}"


def _won(amount: int) -> str:
    return f"{amount:,}원"


def _must(fact: bool, reply: Reply) -> None:
    """See that the story goes as it should. Raises DemoTrouble with what was answered instead."""
    if not fact:
        raise unexpected(reply)
