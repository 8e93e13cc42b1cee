"""Screens of a received file: how far its check is, what was found in it, its bytes."""

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations import queries
from declarations.enums import FileKind, FileVerdict, Severity
from declarations.models import Declaration, ReceivedFile
from declarations.views.found import SECTION, file_or_404
from portal.downloads import attachment
from portal.enums import JobState
from portal.storage import open_stored
from regulation.periods import Period


def _is_pending(file: ReceivedFile) -> bool:
    return file.state in (JobState.WAITING, JobState.RUNNING)


def _draft_of(file: ReceivedFile) -> Declaration | None:
    return Declaration.objects.filter(received_file=file).first()


@require_safe
@affiliate_view(Scope.READ)
def file_page(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """A received file: how far its check is, then everything that was found in it."""
    file = file_or_404(affiliate, pk)
    context = {**SECTION, "file": file, "period": Period.from_day(file.period)}
    if _is_pending(file):
        return render(request, "declarations/file_pending.html", context)
    declaration = _draft_of(file)
    follows = "suivi" in request.GET
    if follows and declaration is not None and file.verdict == FileVerdict.ACCEPTED:
        return redirect("declarations:declaration", affiliate.affiliation_number, declaration.pk)
    severity = request.GET.get("gravite", "")
    code = request.GET.get("code", "")
    page = queries.finding_page(
        file, severity=severity, code=code, page=request.GET.get("page", "1")
    )
    groups = queries.finding_groups(file)
    context |= {
        "declaration": declaration,
        "groups": groups,
        "severities": [
            (one, sum(group.count for group in groups if group.severity is one)) for one in Severity
        ],
        "page": page,
        "findings": [queries.shown(row) for row in page],
        "may_be_repaired": file.kind != FileKind.SHEET
        and queries.may_be_repaired(groups, declaration),
        "severity": severity,
        "code": code,
        "is_parked": file.state == JobState.PARKED,
    }
    return render(request, "declarations/file.html", context)


@require_safe
@affiliate_view(Scope.READ)
def progress(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The piece that htmx asks for while a file is checked; at the end it has the page loaded again."""
    file = file_or_404(affiliate, pk)
    if not _is_pending(file):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "declarations/_progress.html", {"file": file, "affiliate": affiliate})


@require_safe
@affiliate_view(Scope.READ)
def original(request: HttpRequest, affiliate: Affiliate, pk: int) -> FileResponse:
    """The bytes as they were received, never shown by the browser."""
    file = file_or_404(affiliate, pk)
    return attachment(
        open_stored(file.stored), name=file.stored.name, content_type="application/octet-stream"
    )
