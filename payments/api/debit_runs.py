"""Debit runs by machine: the list of what waits at this bank, the pain.008 file, the word that it was taken."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from payments.api.files import PAGE_SIZE, BankView
from payments.enums import KeyScope
from payments.models import DebitRun
from payments.queries.debits import runs_for
from payments.workflows.debits.runs import note_reading, take_run
from portal import afterwards, clock
from portal.downloads import attachment
from portal.storage import open_stored


class RunView(BankView):
    """A view of the runs handed to the calling bank; it asks for a right of its own: runs name accounts."""

    scope = KeyScope.DEBITS

    def runs(self, request: Request) -> QuerySet[DebitRun]:
        """Its runs, newest first; a run that is not written yet does not exist."""
        return runs_for(self.key(request).bank)


class DebitRuns(RunView):
    """The runs of the bank."""

    def get(self, request: Request) -> Response:
        """The runs, newest first, a hundred at a time; `before` takes the next page, `taken=no` those to take."""
        rows = self.runs(request)
        for asked in request.query_params.getlist("taken"):
            if asked != "no":
                # A filter that is misread would show as waiting what was taken.
                raise ValidationError({"taken": [_("La seule valeur possible est « no ».")]})
            rows = rows.filter(taken_at__isnull=True)
        before = request.query_params.get("before", "")
        if before:
            last = get_object_or_404(self.runs(request), message_id=before)
            rows = rows.filter(pk__lt=last.pk)
        page = list(rows[: PAGE_SIZE + 1])
        more = page[PAGE_SIZE - 1].message_id if len(page) > PAGE_SIZE else None
        return Response({"runs": [described(one) for one in page[:PAGE_SIZE]], "next": more})


class DebitRunFile(RunView):
    """The file of a run."""

    def get(self, request: Request, message_id: str) -> HttpResponseBase:
        """The same bytes each time; each reading leaves a trace, none says that the bank took the run."""
        run = get_object_or_404(self.runs(request), message_id=message_id)
        afterwards.note(request._request, partial(note_reading, run.pk, self.key(request).prefix))
        with open_stored(run.stored) as stream:  # type: ignore[arg-type]
            return attachment(
                stream.read(), name=f"{run.message_id}.xml", content_type="application/xml"
            )


class DebitRunTaken(RunView):
    """The bank's word that the file is in its hands."""

    def post(self, request: Request, message_id: str) -> Response:
        """Note it, the first time only."""
        key = self.key(request)
        run = get_object_or_404(self.runs(request), message_id=message_id)
        taken = take_run(actor=None, key=key, run=run, at=clock.now())
        return Response(described(taken))


def described(run: DebitRun) -> dict[str, Any]:
    """A run as the interface tells it; the total in dirhams, as text."""
    return {
        "message_id": run.message_id,
        "collect_on": run.collect_on.isoformat(),
        "account": run.bank_account.rib,
        "orders": run.order_count,
        "total": f"{run.total:.2f}",
        "sha256": run.stored.sha256 if run.stored else "",
        "sent_at": run.sent_at.isoformat() if run.sent_at else "",
        "taken_at": run.taken_at.isoformat() if run.taken_at else None,
    }
