"""The slips, receipts and decisions of an employer, drawn on demand."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from certificates import documents, papers, queries, receipts
from certificates.downloads import send
from declarations.queries import receipt_facts
from payments.queries import slip_facts
from portal import clock


@require_safe
@affiliate_view(Scope.READ)
def slip_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The payment slip (BPC) of a declaration."""
    slip = receipts.slip_of(affiliate, pk)
    if slip is None:
        raise Http404
    employer = queries.affiliate_facts(affiliate)
    return send(request, documents.slip(employer, slip_facts(slip), on=clock.today()))


@require_safe
@affiliate_view(Scope.READ)
def filing_receipt_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The receipt of a submitted declaration."""
    declaration = receipts.filed(affiliate, pk)
    if declaration is None:
        raise Http404
    return send(request, papers.filing_receipt(affiliate, receipt_facts(declaration)))


@require_safe
@affiliate_view(Scope.READ)
def payment_receipt_pdf(request: HttpRequest, *, affiliate: Affiliate, pk: int) -> HttpResponse:
    """The receipt of a payment, from any of the allocations it was split into."""
    facts = receipts.payment_facts(affiliate, pk)
    if facts is None:
        raise Http404
    return send(request, documents.payment_receipt(facts))


@require_safe
@affiliate_view(Scope.READ)
def decision_pdf(request: HttpRequest, *, affiliate: Affiliate, number: str) -> HttpResponse:
    """The answer of the fund to a dispute."""
    facts = receipts.decision_facts(affiliate, number)
    if facts is None:
        raise Http404
    return send(request, documents.decision(facts))
