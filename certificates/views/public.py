"""The public pages that say what a certificate is worth."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from certificates import comparing, queries
from certificates.downloads import too_many
from certificates.errors import ComparisonNotReady, NotAPdf
from certificates.forms import CodeForm, CompareForm
from portal import clock
from portal.errors import message_of
from portal.middleware import client_address
from portal.pace import seconds_to_wait
from portal.uploads import MEGABYTE, takes_files

VERIFICATIONS_PER_MINUTE = 30
COMPARISONS_PER_MINUTE = 6
# The longest paper, a list of ten thousand people, is under a third of it.
COMPARE_LIMIT = 12 * MEGABYTE


@login_not_required
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """A field for the code printed on a certificate."""
    form = CodeForm(request.GET if "code" in request.GET else None)
    if form.is_bound and form.is_valid():
        return redirect("certificates:verification", form.cleaned_data["code"])
    return render(request, "certificates/verify.html", {"form": form})


@login_not_required
@require_safe
def verification(request: HttpRequest, token: str) -> HttpResponse:
    """What a certificate is worth now, and the few facts to compare it with; 404 when there is none."""
    wait = seconds_to_wait("verification", client_address(request), limit=VERIFICATIONS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    found = queries.verification(token)
    return render(
        request,
        "certificates/verification.html",
        {
            "found": found,
            "today": clock.now(),
            "day": clock.today(),
            "compare_form": CompareForm(initial={"code": token}),
        },
        status=HTTPStatus.OK if found else HTTPStatus.NOT_FOUND,
    )


@login_not_required
@require_safe
def check_receipt(request: HttpRequest, number: str, mark: str) -> HttpResponse:
    """What was filed under the receipt of this number, for whoever holds the paper; 404 when there is none."""
    wait = seconds_to_wait("verification", client_address(request), limit=VERIFICATIONS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    found = queries.checked_receipt(number, mark)
    return render(
        request,
        "certificates/check_receipt.html",
        {"found": found, "now": clock.now()},
        status=HTTPStatus.OK if found else HTTPStatus.NOT_FOUND,
    )


@takes_files(COMPARE_LIMIT)
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """Compare a PDF with our record: read in a process apart, judged, forgotten."""
    if request.method != "POST":
        return _comparison(request, CompareForm(initial={"code": request.GET.get("code", "")}))
    wait = seconds_to_wait("comparison", client_address(request), limit=COMPARISONS_PER_MINUTE)
    if wait:
        return too_many(request, wait)
    form = CompareForm(request.POST, request.FILES)
    if not form.is_valid():
        return _comparison(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    sent = form.cleaned_data["file"]
    try:
        answer = comparing.compare(sent.read(), scanned=form.cleaned_data["code"])
    except NotAPdf as refusal:
        form.add_error("file", message_of(refusal))
        return _comparison(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ComparisonNotReady as refusal:
        return _comparison(
            request, form, refusal=message_of(refusal), status=HTTPStatus.SERVICE_UNAVAILABLE
        )
    return _comparison(request, CompareForm(), answer=answer, file_name=sent.name[:80])


def _comparison(
    request: HttpRequest, form: CompareForm, *, status: int = HTTPStatus.OK, **said: object
) -> HttpResponse:
    return render(
        request,
        "certificates/compare.html",
        {"form": form, "now": clock.now(), **said},
        status=status,
    )
