"""The plug-in: an hour is booked in the transaction that makes its order PAID, and free again with the refund."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paywon.fulfilments import Connection, OptionRefused, Order


class HospitalBooking:
    """Orders ask for it with {"kind": "hospital_booking", "options": {"slot": an hour, "pet": a name}}."""

    def check(self, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        pet, slot = options.get("pet"), _instant(options.get("slot"))
        if slot is None or slot <= now or (slot.minute, slot.second, slot.microsecond) != (0, 0, 0):
            raise OptionRefused(
                "slot",
                ko="앞으로의 정각이어야 합니다: 2027-01-01T10:00:00+09:00",
                en="It has to be a full hour to come: 2027-01-01T10:00:00+09:00",
            )
        if not isinstance(pet, str) or not 0 < len(pet) <= 40:
            raise OptionRefused(
                "pet", ko="40자까지의 이름이어야 합니다.", en="It has to be a name of 40 characters at most."
            )
        return {"slot": slot.isoformat(), "pet": pet}

    async def fulfil(self, conn: Connection, order: Order, now: datetime) -> str | None:
        spec = order.fulfilment_spec or {}
        # Two customers may pay for one hour at once: the database decides, and neither breaks the other's payment.
        await conn.execute(
            """
            INSERT INTO pet_hospital_bookings (order_no, user_id, slot, pet) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
            """,
            order.order_no,
            order.user_id,
            datetime.fromisoformat(spec["slot"]),
            spec["pet"],
        )
        # A deposit that a bank took back was paid again: the hour is this customer's once more, unless somebody has it.
        await conn.execute(
            """
            UPDATE pet_hospital_bookings b SET status = 'BOOKED' WHERE order_no = $1 AND NOT EXISTS (
                SELECT FROM pet_hospital_bookings o WHERE o.slot = b.slot AND o.status = 'BOOKED' AND o.order_no <> $1)
            """,
            order.order_no,
        )
        query = "SELECT true FROM pet_hospital_bookings WHERE order_no = $1 AND status = 'BOOKED'"
        return None if await conn.fetchval(query, order.order_no) else "SLOT_TAKEN"

    async def reverse(self, conn: Connection, order: Order, now: datetime, reason: str | None) -> None:
        query = "UPDATE pet_hospital_bookings SET status = 'CANCELED' WHERE order_no = $1"
        await conn.execute(query, order.order_no)


def _instant(text: object) -> datetime | None:
    """Read a time with its zone."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
