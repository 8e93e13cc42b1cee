"""Giving a submitted declaration its receipt, chained to the one before."""

from collections.abc import Sequence

from declarations import queries
from declarations.codecs import receipt as codec
from declarations.codecs.receipt import Fact
from declarations.models import Declaration, Receipt
from declarations.queries import ReceiptFacts
from portal import audit
from portal.bulk import insert_rows


def issue_receipts(declarations: Sequence[Declaration]) -> dict[int, Receipt]:
    """Write the receipts of declarations that have just been submitted, one of an affiliate; by declaration's key.

    Runs in the transaction of the submission, under the locks of the affiliates: ranks follow without a hole.
    """
    before = Receipt.objects.filter(affiliate__in=[one.affiliate_id for one in declarations])
    last = {
        one.affiliate_id: one
        for one in before.order_by("affiliate_id", "-rank").distinct("affiliate_id")
    }
    facts = queries.receipt_facts_of(declarations)
    receipts = []
    for one in declarations:
        former = last.get(one.affiliate_id)
        rank, previous = (former.rank + 1, former.digest) if former else (1, codec.NO_PREVIOUS)
        office = audit.office_of(one.submitted_by, facts[one.pk].affiliation_number)
        content = codec.content_of(
            _facts(facts[one.pk], office), rank=rank, previous_digest=previous
        )
        receipts.append(
            Receipt(
                declaration=one,
                affiliate=one.affiliate,
                rank=rank,
                previous_digest=previous,
                digest=codec.digest_of(content),
                content=content,
            )
        )
    insert_rows(receipts)
    return {receipt.declaration_id: receipt for receipt in receipts}


def _facts(facts: ReceiptFacts, office: str) -> dict[str, Fact]:
    because = facts.kept_on_time_because
    sometimes: dict[str, Fact] = {"kept_on_time_because": because.value} if because else {}
    if office:
        sometimes["submitted_by_office"] = office
    if facts.replaces and facts.first_submitted_at is not None:
        sometimes |= {
            "replaces": facts.replaces,
            "first_submitted_at": codec.instant(facts.first_submitted_at),
        }
    return sometimes | {
        "receipt_number": facts.receipt_number,
        "affiliation_number": facts.affiliation_number,
        "affiliate_name": facts.affiliate_name,
        "period": str(facts.period),
        "kind": facts.kind.value,
        "supplement_number": facts.supplement_number,
        "submitted_at": codec.instant(facts.submitted_at),
        "submitted_by": facts.submitted_by,
        "due_on": facts.due_on.isoformat(),
        "is_late": facts.is_late,
        "file_name": facts.file_name,
        "file_sha256": facts.file_sha256,
        "employees": facts.employee_count,
        "new_hires": facts.new_hire_count,
        "days_declared": facts.days_declared,
        "wage_bill": f"{facts.wage_bill:.2f}",
        "capped_wage_bill": f"{facts.capped_wage_bill:.2f}",
        "contributions": f"{facts.contributions.total:.2f}",
    }
