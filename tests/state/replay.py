"""Plain HTTP calls to a running paywon and its sandbox.

A replay script is this file with one history below it. It finds both servers in the ``dev.json`` that ``script/server``
writes, or in PAYWON_API_URL, PAYWON_API_KEY, PAYWON_SANDBOX_URL and TOSS_PAYMENTS_SECRET_KEY. A history in which a
process dies asks you to do that, unless PAYWON_KILL_API and PAYWON_KILL_WORKER hold commands that kill one with
``kill -9`` and start it again.
"""

import base64
import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

UNPAID_AT_TOSS = ("READY", "IN_PROGRESS", "ABORTED", "EXPIRED")
ANSWER_WITHIN_S = 30.0
SETTLE_WITHIN_S = 90.0


class SurpriseError(AssertionError):
    """Something is not as the model says that it must be."""


class Reply:
    """An answer; ``told`` is its status with its error code, or ``nothing`` where the connection broke."""

    def __init__(self, status: int | None, raw: bytes = b"", kind: str = "") -> None:
        self.status, self.raw = status, raw
        self.body: Any = json.loads(raw) if raw and "json" in kind else None
        code = self.body.get("code") if isinstance(self.body, dict) and (status or 0) >= 400 else None
        self.told = "nothing" if status is None else f"{status} {code}" if code else str(status)

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Side:
    """One server, and who asks it. Every call has a connection of its own: the server may have died meanwhile."""

    def __init__(self, url: str, authorization: str) -> None:
        self.host, self.authorization = urlsplit(url).netloc, authorization

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Reply:
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection(self.host, timeout=ANSWER_WITHIN_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
        except (OSError, http.client.HTTPException) as error:
            return Reply(None, repr(error).encode())
        finally:
            connection.close()


class Stage:
    """Both servers, and how a process is killed and started again."""

    def __init__(self, api: Side, toss: Side, kill: Callable[[str], None]) -> None:
        self.sides, self.kill, self.run = {"api": api, "toss": toss}, kill, secrets.token_hex(4)
        self.gone: set[str] = set()

    def call(
        self, side: str, method: str, path: str, body: Any = None, *, key: str | None = None, expect: list[str]
    ) -> Reply:
        """Send a request and hold its answer against what may be answered."""
        return self._judged(self.sides[side].send(method, path, body, key), f"{method} {path}", expect)

    def call_and_kill(
        self, who: str, after_s: float, method: str, path: str, body: Any = None, *, key: str, expect: list[str]
    ) -> Reply:
        """Send a request to paywon and kill a process while it is under way."""
        heard: list[Reply] = []
        sender = threading.Thread(target=lambda: heard.append(self.sides["api"].send(method, path, body, key)))
        sender.start()
        time.sleep(after_s)
        self.kill(who)
        sender.join()
        return self._judged(heard[0], f"{method} {path}", expect)

    def _judged(self, reply: Reply, what: str, expect: list[str]) -> Reply:
        if expect and reply.told not in expect:
            said = reply.raw.decode(errors="replace")[:400]
            raise SurpriseError(f"{what} was answered {reply.told}, not {' or '.join(expect)}: {said}")
        return reply

    def same(self, first: Reply, second: Reply) -> None:
        """See that a repeat with the same Idempotency-Key was answered byte by byte."""
        if (first.status, first.raw) != (second.status, second.raw):
            raise SurpriseError(
                f"a repeat was answered {second.told} {second.raw!r}, at first {first.told} {first.raw!r}"
            )

    def name(self, number: int) -> str:
        """A name that no other run has: an Idempotency-Key, a resource, a customer."""
        return f"{self.run}-{number}"

    def soon(self, seconds: float) -> str:
        return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()  # noqa: UP017 - runs on 3.10 too

    def resend_webhooks(self) -> bool:
        """Send again what did not get through, as Toss would after a minute; answer whether all has got through."""
        deliveries = self.sides["toss"].send("GET", "/sandbox/webhooks/deliveries")["deliveries"]
        for delivery in deliveries:
            if delivery["id"] in self.gone:
                continue
            if delivery["state"] != "DELIVERED" and (delivery["attempts"] or delivery["state"] == "LOST"):
                self.sides["toss"].send("POST", f"/sandbox/webhooks/deliveries/{delivery['id']}/resend")
        return all(delivery["state"] == "DELIVERED" for delivery in deliveries if delivery["id"] not in self.gone)

    def let_go(self, order_no: str) -> None:
        """See that the webhooks about an order are lost, and have nobody send them again: its list at Toss tells."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            sent = self.sides["toss"].send("GET", f"/sandbox/webhooks/deliveries?orderId={order_no}")["deliveries"]
            if all(delivery["state"] != "PENDING" or delivery["attempts"] for delivery in sent):
                break
            time.sleep(0.03)
        self.gone |= {delivery["id"] for delivery in sent if delivery["state"] == "LOST"}
        for fault in self.sides["toss"].send("GET", "/sandbox/faults")["faults"]:
            if fault["kind"] == "lose" and fault["orderId"] == order_no:
                self.sides["toss"].send("DELETE", f"/sandbox/faults/{fault['id']}")

    def disturb(self, what: str, whom: str, seconds: float) -> None:
        """Pause a process or hold an order's row; by hand, or by a command that gets the three as arguments."""
        command = os.environ.get("PAYWON_DISTURB")
        if command:
            subprocess.run(f"{command} {what} {whom} {seconds}", shell=True, check=True)  # noqa: S602 - the caller's own
        else:
            input(f"Now {what} {whom} for {seconds} s, and press Enter: ")

    def settle(self, orders: list[str]) -> None:
        """Wait until every webhook has got through and nothing is being asked about these orders."""
        self.sides["toss"].send("DELETE", "/sandbox/faults")
        deadline = time.monotonic() + SETTLE_WITHIN_S
        while not (self.resend_webhooks() and not any(map(self._is_open, orders))):
            if time.monotonic() > deadline:
                raise SurpriseError(f"not at rest after {SETTLE_WITHIN_S:.0f} s")
            time.sleep(0.2)

    def _is_open(self, order_no: str) -> bool:
        shown = self.sides["api"].send("GET", f"/api/payments/toss/orders/{order_no}")
        return shown.status == 200 and (shown["payment"] or {}).get("openRequest") is not None

    def unasked(self, order_no: str) -> None:
        """See that Toss is not being asked anything about an order that was withdrawn just now."""
        if self._is_open(order_no):
            raise SurpriseError(f"order {order_no} was withdrawn, and a question about it is open")

    def check(self, order_no: str, order_id: str | None, allowed: list[dict[str, Any]], wait_s: float = 30.0) -> None:
        """Hold our books against Toss's, and both against what may be true; webhooks may be a moment late."""
        # What no webhook tells is found by the next walk over Toss's list (PAYWON_WALK_EVERY_S).
        deadline = time.monotonic() + wait_s * (20 if self.gone else 1)
        while wrong := list(self.differences(order_no, order_id, allowed)):
            if time.monotonic() > deadline:
                raise SurpriseError(f"order {order_no}: " + "; ".join(wrong))
            time.sleep(0.2)

    def look(self, order_no: str, allowed: list[list[Any]]) -> None:
        """See that our books show only what is or was so, even while something is under way."""
        ours = self.sides["api"].send("GET", f"/api/payments/toss/orders/{order_no}")
        shown = money_of((ours.body or {}).get("payment"), "orderNo")
        if shown[:2] not in allowed:
            raise SurpriseError(f"order {order_no}: our books say {shown}, which was never so: {allowed}")

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def differences(self, order_no: str, order_id: str | None, allowed: list[dict[str, Any]]) -> Iterator[str]:
        """Say everything that is wrong with an order; nothing is said of what is right."""
        toss = self.sides["toss"].send("GET", f"/v1/payments/orders/{order_no}")
        ours = self.sides["api"].send("GET", f"/api/payments/toss/orders/{order_no}")
        theirs, books = money_of(toss.body, "orderId"), money_of((ours.body or {}).get("payment"), "orderNo")
        if theirs != books:
            yield f"our books say {books}, Toss's {theirs}"
        fitting = [truth for truth in allowed if truth["toss"] == theirs[:2]]
        if not fitting:
            yield f"Toss shows {theirs[:2]}, it may be {[truth['toss'] for truth in allowed]}"
        status = (ours.body or {}).get("order", {}).get("status")
        if order_id is not None:
            status = self.sides["api"].send("GET", f"/api/orders/{order_id}")["status"]
        capsule = ((ours.body or {}).get("capsule") or {}).get("status")
        if not any(status in truth["order"] and capsule in truth["capsule"] for truth in fitting or allowed):
            yield f"the order is {status} and its capsule {capsule}; it may be {fitting or allowed}"


def money_of(payment: dict[str, Any] | None, order_field: str) -> list[Any]:
    """Say where the money of a payment is, in the words of either side: kind, balance, status, cancels."""
    if payment is None or order_field not in payment or payment["status"] in UNPAID_AT_TOSS:
        return ["unpaid", 0, None, []]
    over = payment["status"] == "CANCELED" and payment["approvedAt"] is None
    waits = payment["status"] == "WAITING_FOR_DEPOSIT"
    cancels = [item["cancelAmount"] for item in payment["cancels"] or [] if item["cancelStatus"] == "DONE"]
    kind = "void" if over else "waiting" if waits else "paid"
    return [kind, payment["balanceAmount"], payment["status"], sorted(cancels)]


def ask_to_kill(who: str) -> None:
    """Have a process killed and started again, by a command or by whoever sits here."""
    command = os.environ.get(f"PAYWON_KILL_{who.upper()}")
    if command:
        subprocess.run(command, shell=True, check=True)  # noqa: S602 - the caller's own command
    else:
        input(f"Now end the {who} with kill -9, start it again, and press Enter: ")


def stage_here() -> Stage:
    """Find the servers of this machine."""
    file = Path(os.environ.get("PAYWON_HOME", ".paywon")) / "dev.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    api = Side(
        os.environ.get("PAYWON_API_URL") or told["apiUrl"],
        "Bearer " + (os.environ.get("PAYWON_API_KEY") or told["apiKey"]),
    )
    secret = os.environ.get("TOSS_PAYMENTS_SECRET_KEY") or told["tossSecretKey"]
    toss = Side(
        os.environ.get("PAYWON_SANDBOX_URL") or told["sandboxUrl"],
        "Basic " + base64.b64encode(f"{secret}:".encode()).decode(),
    )
    return Stage(api, toss, ask_to_kill)


def replay(history: Callable[[Stage], None]) -> int:
    """Play a history; answer 1 where it went as it must not."""
    try:
        history(stage_here())
    except SurpriseError as surprise:
        sys.stdout.write(f"VIOLATED: {surprise}\n")
        return 1
    sys.stdout.write("The history went as it must.\n")
    return 0
