"""Takes paywon's events: verifies each, does its work once, and answers at once.

pip install standardwebhooks
PAYWON_EVENT_SECRET=whsec_… python receiver.py
"""

import http.server
import os
import sqlite3
import sys
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

SECRETS = os.environ.get("PAYWON_EVENT_SECRET") or sys.exit("Set PAYWON_EVENT_SECRET to the secret of the endpoint.")
# Two, with a comma between them, while a new secret takes the place of an old one.
WEBHOOKS = [Webhook(secret) for secret in SECRETS.split(",")]
DATABASE = os.environ.get("DATABASE", "received.db")
MAX_BYTES = 64 * 1024

SCHEMA = """
    CREATE TABLE IF NOT EXISTS received (id TEXT PRIMARY KEY, type TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (
        order_no TEXT PRIMARY KEY, handed_over INTEGER NOT NULL, sequence INTEGER NOT NULL);
    """


def verified(raw: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
    """Answer the event that was signed with one of our secrets within the last five minutes; None for anything else."""
    for webhook in WEBHOOKS:
        try:
            event: dict[str, Any] = webhook.verify(raw, headers)
        except (WebhookVerificationError, ValueError):
            continue
        return event
    return None


def take(event: dict[str, Any]) -> None:
    """Do what an event calls for, once: that it was received is written in the same transaction as its work."""
    with sqlite3.connect(DATABASE, timeout=10) as books:
        new = books.execute("INSERT OR IGNORE INTO received VALUES (?, ?)", (event["id"], event["type"])).rowcount
        sys.stdout.write(f"{event['type']} {event['id']}{'' if new else ' (again)'}\n")
        sys.stdout.flush()
        if not new:
            return
        handed_over = {"order.paid": 1, "order.payment_reversed": 0, "order.refunded": 0}.get(event["type"])
        if handed_over is None:
            return
        # By hand an old event may be sent again after a newer one: the larger sequence counts.
        books.execute(
            """
            INSERT INTO orders VALUES (?, ?, ?)
            ON CONFLICT (order_no) DO UPDATE SET handed_over = excluded.handed_over, sequence = excluded.sequence
            WHERE excluded.sequence > orders.sequence
            """,
            (event["data"]["order"]["orderNo"], handed_over, event["sequence"]),
        )


class Receiver(http.server.BaseHTTPRequestHandler):
    """200 once the work is on record; anything else has paywon try again."""

    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BYTES:
            return self.answer(413)
        event = verified(self.rfile.read(length), dict(self.headers.items()))
        if event is None:
            return self.answer(401)
        take(event)
        return self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    with sqlite3.connect(DATABASE) as made:
        made.executescript(SCHEMA)
    address = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
    http.server.ThreadingHTTPServer(address, Receiver).serve_forever()
