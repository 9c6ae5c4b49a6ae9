"""The hospital's own look at its bookings, from outside of paywon."""

import os
from typing import Any

import asyncpg


async def booking_of(order_no: str) -> dict[str, Any] | None:
    """Answer an order's booking, as a page may show it."""
    conn = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        query = "SELECT order_no, slot, pet, status FROM pet_hospital_bookings WHERE order_no = $1"
        row = await conn.fetchrow(query, order_no)
    finally:
        await conn.close()
    return None if row is None else {**row, "slot": row["slot"].isoformat()}
