"""What three lost workers left half-way: staff reads how far it came, has it taken up again, or leaves it."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from payments.models import BankFile, DebitRun
from payments.queries import parked
from payments.tasks import import_bank_file, write_debit_run
from payments.workflows.parked import is_left, leave_file, resume_file, resume_run
from portal.actor import actor_of
from portal.errors import add_to_messages
from portal.fresh import fresh
from portal.tasks import wake
from regulation.errors import DomainError


@require_safe
def parked_view(request: HttpRequest) -> HttpResponse:
    """Files and runs set aside, oldest first."""
    files, runs = parked.files(), parked.runs()
    context = {
        **admin.site.each_context(request),
        "title": _("Travaux mis de côté"),
        "files": [(one, is_left(one)) for one in files],
        "runs": runs,
    }
    return TemplateResponse(request, "admin/payments/parked.html", context).render()


@require_POST
@fresh
def decide_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file up again, or leave it: the answer is a button."""
    actor, reason = actor_of(request), request.POST.get("motif", "")
    get_object_or_404(BankFile, pk=pk)
    try:
        if request.POST.get("suite") == "laisser":
            leave_file(actor=actor, file_id=pk, reason=reason)
            messages.success(request, _("Le fichier est laissé : sa banque lit quoi renvoyer."))
        else:
            resume_file(actor=actor, file_id=pk, reason=reason)
            wake(import_bank_file, pk)
            messages.success(request, _("La lecture reprend où elle s’était arrêtée."))
    except DomainError as refusal:
        add_to_messages(request, refusal)
    return redirect("admin:payments_bankfile_parked")


@require_POST
@fresh
def decide_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the file of a run written after all."""
    get_object_or_404(DebitRun, pk=pk)
    try:
        resume_run(actor=actor_of(request), run_id=pk, reason=request.POST.get("motif", ""))
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        wake(write_debit_run, pk)
        messages.success(request, _("La remise est reprise : son fichier s’écrit."))
    return redirect("admin:payments_bankfile_parked")
