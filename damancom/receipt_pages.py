"""The receipts of many firms in one archive: asked for, drawn by a worker, fetched while it is kept."""

import io
import json
from collections.abc import Collection, Iterator
from typing import BinaryIO

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from affiliates.access import for_actor, open_all
from affiliates.enums import Scope
from certificates import safe, workflows
from certificates.downloads import too_many
from certificates.models import ArchivedReceipt, ReceiptArchive
from certificates.tasks import draw_receipts
from damancom.client_pages import asked_of, for_several
from declarations.codecs import receipt as codec
from declarations.enums import DeclarationStatus
from declarations.models import Receipt
from portal import archives, audit, clock, downloads, exports, limits, storage
from portal.actor import actor_of
from portal.enums import JobState
from portal.pace import seconds_to_wait
from portal.tasks import wake
from regulation.periods import Period

#: Archives that one person may fetch in a minute: each paper is sealed while it leaves.
FETCHED_A_MINUTE = 5
#: Archives shown on the page, the latest first.
SHOWN = 10
#: Receipts held in memory while an archive leaves.
_PIECE = 20


@require_http_methods(["GET", "HEAD", "POST"])
@for_several
def receipts(request: HttpRequest) -> HttpResponseBase:
    """The archives that one asked for; posted, another: of the clients ticked, or of all that the list showed."""
    if request.method == "POST":
        return _asked(request)
    rows = _mine(request).annotate(count=Count("entries"))[:SHOWN]
    return render(request, "damancom/receipt_archives.html", {"archives": rows, "now": clock.now()})


def _asked(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    limits.count(limits.RECEIPT_ARCHIVES, str(actor.pk))
    period, clients = asked_of(request, request.POST, Scope.READ)
    rows = Receipt.objects.filter(
        affiliate__in=[client.affiliate for client in clients],
        declaration__period=period.first_day,
        declaration__status=DeclarationStatus.SUBMITTED.value,
    )
    found = list(rows.select_related("affiliate").order_by("affiliate__name", "declaration_id"))
    if not found:
        return render(
            request,
            "portal/refused.html",
            {"sentence": _("Aucune de ces entreprises n’a de récépissé pour ce mois.")},
            status=422,
        )
    row = workflows.ask_for_receipts(actor=actor, at=clock.now(), period=period, receipts=found)
    wake(draw_receipts, row.pk)
    return redirect("clients:archive", row.pk)


@require_safe
@for_several
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an archive has come; the page renews itself until it is ready."""
    row = get_object_or_404(_mine(request), pk=pk)
    entries = row.entries.all()
    mine = for_actor(request.user, on=clock.today())
    given = entries.filter(receipt__affiliate__in=mine)
    total, drawn = entries.count(), given.filter(sealed__isnull=False).count()
    is_open = row.is_open_at(clock.now())
    context = {
        "archive": row,
        "period": Period.from_day(row.period),
        "total": total,
        "drawn": drawn,
        "left_out": total - drawn if is_open else 0,
        "is_open": is_open,
        "is_parked": row.state == JobState.PARKED,
        "is_drawn_now": row.state in (JobState.WAITING, JobState.RUNNING),
    }
    piece = request.htmx  # type: ignore[attr-defined]
    template = "damancom/_receipt_archive.html" if piece else "damancom/receipt_archive.html"
    return render(request, template, context)


@require_safe
@for_several
def fetch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The archive, while it is kept: of the firms that one may still look at now. Each firm's trace says so."""
    row = get_object_or_404(_mine(request), pk=pk)
    wait = seconds_to_wait("clients:receipts", str(row.asked_by_id), limit=FETCHED_A_MINUTE)
    if wait:
        return too_many(request, wait)
    given = _given(request, row)
    if not given:
        raise Http404
    table = _table(given)
    audit.record_readings(
        request, action="receipt.archive_read", acts=workflows.acts_of_reading(row, given)
    )
    pieces = archives.written(_files([entry.pk for entry in given], table))
    stream: BinaryIO = storage.open_pieces(lambda _rank: next(pieces, b""))
    name = f"recepisses-{Period.from_day(row.period)}.zip"
    return downloads.attachment(stream, name=name, content_type="application/zip")


def _mine(request: HttpRequest) -> QuerySet[ReceiptArchive]:
    return ReceiptArchive.objects.filter(asked_by=actor_of(request))


def _given(request: HttpRequest, row: ReceiptArchive) -> list[ArchivedReceipt]:
    """What is drawn and may leave now; nothing once it has expired."""
    if not row.is_open_at(clock.now()):
        return []
    drawn = list(
        row.entries.filter(sealed__isnull=False)
        .defer("sealed")
        .select_related("receipt__affiliate", "receipt__declaration")
    )
    numbers = {entry.receipt.affiliate.affiliation_number for entry in drawn}
    mine = open_all(request.user, numbers, Scope.READ, on=clock.today())
    keys = {affiliate.pk for affiliate in mine}
    return [entry for entry in drawn if entry.receipt.affiliate_id in keys]


def _files(keys: list[int], table: bytes) -> Iterator[tuple[str, bytes]]:
    """Each receipt as a sealed PDF and as the data that can be checked offline, some at a time; then the table."""
    # Twenty megabytes with its cryptography, that a process which seals nothing does without.
    from certificates import signing

    for first in range(0, len(keys), _PIECE):
        rows = ArchivedReceipt.objects.filter(pk__in=keys[first : first + _PIECE])
        for entry in rows.select_related("receipt__affiliate", "receipt__declaration"):
            receipt = entry.receipt
            firm = slugify(receipt.affiliate.name)[:40]
            name = f"recepisse-{receipt.declaration.receipt_number}-{firm}"
            drawn = safe.open_again(bytes(entry.sealed)) if entry.sealed else None
            if drawn is not None:
                yield f"{name}.pdf", signing.sign(drawn)
            yield f"{name}.json", codec.document(receipt.content, receipt.digest)
    yield "recepisses.xlsx", table


def _table(entries: Collection[ArchivedReceipt]) -> bytes:
    table = io.BytesIO()
    exports.write_xlsx(
        table,
        title=_("Récépissés"),
        columns=[
            exports.Column(_("N° d’affiliation"), 14),
            exports.Column(_("Entreprise"), 34),
            exports.Column(_("Récépissé"), 22),
            exports.Column(_("Déposée le"), 20),
            exports.Column(_("Par"), 24),
            exports.Column(_("Salariés"), 10),
            exports.Column(_("Masse salariale"), 16),
            exports.Column(_("Cotisations"), 16),
            exports.Column(_("Empreinte"), 66),
        ],
        rows=(_line(entry.receipt) for entry in entries),
    )
    return table.getvalue()


def _line(row: Receipt) -> tuple[exports.Value, ...]:
    facts = json.loads(row.content)
    declaration = row.declaration
    return (
        row.affiliate.affiliation_number,
        row.affiliate.shown_name,
        declaration.receipt_number,
        declaration.submitted_at,
        " · ".join(facts[one] for one in ("submitted_by", "submitted_by_office") if facts.get(one)),
        declaration.employee_count,
        declaration.wage_bill,
        declaration.contributions_total,
        row.digest,
    )
