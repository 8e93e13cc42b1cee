"""Pages that misbehave, beside the real ones: what the middleware and the error pages are tried on."""

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
    path("t/reads/", reads_wages),
    path("t/downloads/", downloads),
]
