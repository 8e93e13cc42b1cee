"""The screen of a repair: what it would change, then the mended file."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import workflows
from declarations.forms import RepairForm
from declarations.models import ReceivedFile
from declarations.tasks import wake_check
from portal import clock
from portal.actor import actor_of
from portal.enums import JobState
from portal.errors import add_to_messages
from regulation.errors import DomainError
from regulation.periods import Period

#: Changes of a repair listed one by one; a file that needs more has the same change everywhere.
CHANGES_SHOWN = 300


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DECLARE)
def repair(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The certain repair of a file: shown line by line, then received as a new file."""
    file = get_object_or_404(
        ReceivedFile.objects.select_related("affiliate", "stored"), affiliate=affiliate, pk=pk
    )
    if file.state in (JobState.WAITING, JobState.RUNNING):
        return redirect("declarations:file", affiliate.affiliation_number, file.pk)
    form = RepairForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            mended, due = workflows.repair_file(
                actor=actor_of(request),
                at=clock.now(),
                file=file,
                digest=form.cleaned_data["digest"],
            )
        except DomainError as refusal:
            add_to_messages(request, refusal)
            return redirect("declarations:repair", affiliate.affiliation_number, file.pk)
        if due:
            wake_check(mended)
        answer = redirect("declarations:file", affiliate.affiliation_number, mended.pk)
        answer["Location"] += "?suivi=1"
        return answer
    proposed = workflows.proposed_repair(file)
    context = {
        "section": "declarations",
        "file": file,
        "period": Period.from_day(file.period),
        "changes": proposed.changes[:CHANGES_SHOWN] if proposed else (),
        "more": max(0, len(proposed.changes) - CHANGES_SHOWN) if proposed else 0,
        "form": RepairForm(initial={"digest": workflows.digest_of(proposed)}) if proposed else None,
    }
    return render(request, "declarations/repair.html", context)
