"""``python -m pet_hospital``: makes the hospital's table in the database that paywon keeps its books in."""

import asyncio
import os
import sys

import asyncpg

TABLE = """
CREATE TABLE IF NOT EXISTS pet_hospital_bookings (
    order_no text PRIMARY KEY,
    user_id text NOT NULL,
    slot timestamptz NOT NULL,
    pet text NOT NULL,
    status text NOT NULL DEFAULT 'BOOKED' CHECK (status IN ('BOOKED', 'CANCELED'))
);
CREATE UNIQUE INDEX IF NOT EXISTS pet_hospital_one_pet_an_hour ON pet_hospital_bookings (slot) WHERE status = 'BOOKED';
"""


async def main() -> None:
    url = os.environ.get("DATABASE_URL") or sys.exit("Set DATABASE_URL to the database of paywon.")
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(TABLE)
    finally:
        await conn.close()


asyncio.run(main())
