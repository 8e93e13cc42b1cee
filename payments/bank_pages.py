"""The bank space: send a file, follow its reading, read the verdict of each line, take the return file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from payments import queries
from payments.access import bank_view, files_for_actor
from payments.codecs import cr1
from payments.codecs.faults import REST, SENTENCES, public_code, sentence
from payments.codecs.reading import LIMIT
from payments.enums import BankFileVerdict
from payments.forms import BankFileForm
from payments.models import Bank, BankFile, BankLine
from payments.tasks import import_bank_file
from payments.workflows.bank_files import receive
from payments.workflows.parked import is_left
from portal import clock, searches
from portal.actor import actor_of
from portal.downloads import attachment
from portal.enums import JobState
from portal.errors import add_to_form
from portal.tasks import wake
from portal.uploads import takes_files
from regulation.errors import DomainError

SECTION = {"section": "files"}
PER_PAGE = 50


@takes_files(LIMIT)
@require_http_methods(["GET", "HEAD", "POST"])
@bank_view
def home(request: HttpRequest, bank: Bank) -> HttpResponse:
    """The files of this bank, newest first, and the form to send one."""
    form = BankFileForm()
    if request.method == "POST":
        form = BankFileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            received = receive(
                actor=actor_of(request), bank=bank, upload=form.cleaned_data["file"], at=clock.now()
            )
        except DomainError as refusal:
            add_to_form(form, refusal, "file")
        else:
            if received.again:
                messages.info(request, _already(received.bank_file))
            else:
                wake(import_bank_file, received.bank_file.pk)
            return _after_upload(request, received.bank_file)
    files = files_for_actor(request.user).select_related("stored", "received_by")
    text, chosen = searches.text_of(request), request.GET.get("verdict", "")
    files = queries.search_files(files, verdict=chosen, text=text)
    page = Paginator(files.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **SECTION,
        "bank": bank,
        "form": form,
        "page": page,
        "query": text,
        "chosen": chosen,
        "verdicts": list(BankFileVerdict),
    }
    status = 422 if form.errors else 200
    return render(request, "payments/bank_home.html", context, status=status)


def _already(bank_file: BankFile) -> str:
    facts = {
        "date": f"{clock.day_of(bank_file.received_at):%d/%m/%Y}",
        "numero": bank_file.receipt_number,
    }
    return sentence("F10", facts, _)


def _after_upload(request: HttpRequest, bank_file: BankFile) -> HttpResponse:
    address = reverse("payments:bank_file", args=[bank_file.receipt_number])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def _file_or_404(request: HttpRequest, receipt_number: str) -> BankFile:
    rows = files_for_actor(request.user).select_related("stored", "received_by", "profile")
    return get_object_or_404(rows, receipt_number=receipt_number)


@require_safe
@bank_view
def bank_file(request: HttpRequest, bank: Bank, receipt_number: str) -> HttpResponse:
    """One file: how far its reading is, then the verdict of each line."""
    found = _file_or_404(request, receipt_number)
    context: dict[str, Any] = {**SECTION, "bank": bank, "file": found, **_standing(found)}
    if found.verdict == BankFileVerdict.ACCEPTED.value:
        text = searches.text_of(request)
        chosen = request.GET.get("verdict", "")
        lines = queries.search_lines(found, verdict=chosen, text=text)
        page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
        context |= {
            "page": page,
            "rows": [(line, _told(line)) for line in page],
            "totals": queries.file_totals(found),
            "query": text,
            "chosen": chosen,
        }
    return render(request, "payments/bank_file.html", context)


def _standing(found: BankFile) -> dict[str, Any]:
    return {
        "is_done": found.state == JobState.DONE.value,
        "is_parked": found.state == JobState.PARKED.value,
        "is_left": is_left(found),
        "is_refused": found.verdict == BankFileVerdict.REFUSED.value,
        # Two totals may be wrong in the same words.
        "faults": list({one["text"]: one for one in map(_fault, found.faults)}.values()),
    }


def _fault(stored: dict[str, Any]) -> dict[str, str]:
    """A stored fault of the file: its public code and its sentence in the language of the screen."""
    code, facts = stored["code"], stored["facts"]
    if not code:
        return {"code": "", "text": _(REST).format(**facts)}
    return {"code": public_code(code), "text": sentence(code, facts, _)}


def _told(line: BankLine) -> str:
    code = line.verdict_code
    return sentence(code, line.verdict_facts, _) if code in SENTENCES else ""


@require_safe
@bank_view
def progress(request: HttpRequest, bank: Bank, receipt_number: str) -> HttpResponse:
    """The progress of the reading, for htmx; sends the page again at the end."""
    found = _file_or_404(request, receipt_number)
    if found.state in (JobState.DONE.value, JobState.PARKED.value):
        address = reverse("payments:bank_file", args=[found.receipt_number])
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return render(request, "payments/_bank_progress.html", {"file": found})


@require_safe
@bank_view
def return_file(request: HttpRequest, bank: Bank, receipt_number: str) -> HttpResponseBase:
    """The return file CR1 of a file whose reading is over."""
    found = _file_or_404(request, receipt_number)
    if found.state != JobState.DONE.value:
        return redirect("payments:bank_file", found.receipt_number)
    content = b"".join(cr1.write(queries.return_header(found), queries.return_lines(found)))
    return attachment(
        content, name=f"CR1_{found.receipt_number}.txt", content_type="text/plain; charset=utf-8"
    )


@require_safe
@bank_view
def machines(request: HttpRequest, bank: Bank) -> HttpResponse:
    """For the bank's own system: how it sends by itself, and which of its keys are alive; never a secret."""
    keys = bank.keys.select_related("bank").order_by("-pk")[:PER_PAGE]
    context = {"section": "machines", "bank": bank, "keys": keys, "now": clock.now()}
    return render(request, "payments/bank_machines.html", context)
