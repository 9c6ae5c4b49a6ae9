"""A FastAPI application with paywon below /paywon: one process serves both, ``paywon worker`` runs beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException
from pet_hospital.bookings import booking_of

from paywon.asgi import mounted_app

paywon = mounted_app()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    # FastAPI starts and stops nothing that is mounted.
    async with paywon.lifespan():
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/paywon", paywon)


@app.get("/bookings/{order_no}")
async def read_booking(order_no: str) -> dict[str, Any]:
    booking = await booking_of(order_no)
    if booking is None:
        raise HTTPException(404)
    return booking
