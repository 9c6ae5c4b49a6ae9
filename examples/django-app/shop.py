"""A Django application with paywon below /paywon: one ASGI process serves both, ``paywon worker`` runs beside it."""

import os
import secrets

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path
from pet_hospital.bookings import booking_of

from paywon.asgi import mounted_app

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY") or secrets.token_urlsafe(32),
)
django.setup()


async def read_booking(_: HttpRequest, order_no: str) -> JsonResponse:
    booking = await booking_of(order_no)
    if booking is None:
        raise Http404
    return JsonResponse(booking)


urlpatterns = [path("bookings/<str:order_no>", read_booking)]

PREFIX = "/paywon"
shop, paywon = get_asgi_application(), mounted_app()


async def application(scope, receive, send):  # type: ignore[no-untyped-def]
    # Django knows neither start and stop of an ASGI server nor mounting, so both are done here.
    if scope["type"] == "lifespan":
        await paywon(scope, receive, send)
    elif scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/"):
        await paywon({**scope, "root_path": scope.get("root_path", "") + PREFIX}, receive, send)
    else:
        await shop(scope, receive, send)
