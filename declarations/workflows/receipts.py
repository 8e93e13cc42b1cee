"""Giving a submitted declaration its receipt, chained to the one before."""

from declarations import queries
from declarations.codecs import receipt as codec
from declarations.codecs.receipt import Fact
from declarations.models import Declaration, Receipt


def issue_receipt(declaration: Declaration) -> Receipt:
    """Write the receipt of a declaration that has just been submitted.

    Runs in the transaction of the submission, under the lock of the affiliate: ranks follow without a hole.
    """
    last = Receipt.objects.filter(affiliate=declaration.affiliate_id).order_by("-rank").first()
    rank, previous = (last.rank + 1, last.digest) if last else (1, codec.NO_PREVIOUS)
    content = codec.content_of(_facts(declaration), rank=rank, previous_digest=previous)
    return Receipt.objects.create(
        declaration=declaration,
        affiliate=declaration.affiliate,
        rank=rank,
        previous_digest=previous,
        digest=codec.digest_of(content),
        content=content,
    )


def _facts(declaration: Declaration) -> dict[str, Fact]:
    facts = queries.receipt_facts(declaration)
    because = facts.kept_on_time_because
    sometimes: dict[str, Fact] = {"kept_on_time_because": because.value} if because else {}
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
