"""Pages that misbehave, beside the real ones: what the middleware and the error pages are tried on."""

import contextlib
import threading

from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from damancom.urls import handler400, handler403, handler404, handler500  # noqa: F401
from damancom.urls import urlpatterns as real
from portal import audit
from portal.downloads import attachment
from portal.errors import TooManyAttempts
from portal.models import User
from tests.affiliates.factories import UserFactory


def writes(request: HttpRequest) -> HttpResponse:
    UserFactory(email="fantome@exemple.ma")
    return HttpResponse("written")


def breaks(request: HttpRequest) -> HttpResponse:
    raise ValueError("12345678901234567890")


def refuses(request: HttpRequest) -> HttpResponse:
    raise TooManyAttempts(minutes=15)


def waits(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        cursor.execute("SELECT pg_sleep(2)")
    return HttpResponse("late")


def locks(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        User.objects.select_for_update(of=("self",)).get(email="tenue@exemple.ma")
    return HttpResponse("had it")


#: Where the two of a deadlock meet, once each holds its first row; empty when they need not.
meetings: list[threading.Barrier] = []
#: The order in which each request took its rows, one entry a try.
tries: list[str] = []


def collides(request: HttpRequest, first: str, second: str) -> HttpResponse:
    """Takes two rows in the order that the address says, and adds a letter to the name of both."""
    tries.append(first)
    with transaction.atomic():
        for rank, name in enumerate((first, second)):
            row = User.objects.select_for_update(of=("self",)).get(email=f"{name}@exemple.ma")
            row.full_name += request.POST["letter"]
            row.save(update_fields=["full_name"])
            if rank == 0 and meetings:
                with contextlib.suppress(threading.BrokenBarrierError):
                    meetings[0].wait(3)
    return HttpResponse("both")


def reads_wages(request: HttpRequest) -> HttpResponse:
    audit.record_reading(
        request, action="staff.read", subject=request.user, affiliation_number="2000009"
    )
    return HttpResponse("shown")


def downloads(request: HttpRequest) -> HttpResponse:
    return attachment(b"<script>", name="préétabli « a ».txt", content_type="text/plain")


urlpatterns = [
    *real,
    path("t/writes/", login_not_required(writes)),
    path("t/breaks/", login_not_required(breaks)),
    path("t/refuses/", login_not_required(refuses)),
    path("t/waits/", login_not_required(waits)),
    path("t/locks/", login_not_required(locks)),
    path("t/collides/<str:first>/<str:second>/", login_not_required(collides)),
    path("t/reads/", reads_wages),
    path("t/downloads/", downloads),
]
