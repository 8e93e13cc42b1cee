"""What an affiliate takes home of what it filed: the file that says the same, the chain of its receipts."""

import json

from affiliates.models import Affiliate
from declarations import queries
from declarations.codecs import e_bds
from declarations.models import Declaration, Receipt
from declarations.rules.form import as_file
from regulation.periods import Period


def e_bds_of(declaration: Declaration) -> tuple[str, bytes] | None:
    """The name and bytes of the e-BDS file that says what a declaration says, however it was filed.

    None for a month whose prefill does not exist: nothing gives the headers then. Four queries.
    """
    period = Period.from_day(declaration.period)
    affiliate = declaration.affiliate
    prefill = queries.issued_prefill(affiliate, period)
    if prefill is None:
        return None
    lines = [queries.form_line(line, {}) for line in declaration.lines.order_by("rank")]
    content = as_file(
        lines,
        queries.expected_of(affiliate, period, prefill=prefill),
        declaration.supplement_number,
    )
    name = e_bds.file_name(
        affiliate.affiliation_number,
        period.compact,
        supplement_number=declaration.supplement_number,
    )
    return name, content


def chain_of(affiliate: Affiliate) -> bytes:
    """Every receipt of an affiliate in the order of its chain, as `verify_receipt` reads them. One query."""
    rows = Receipt.objects.filter(affiliate=affiliate).order_by("rank")
    whole = [
        {"receipt": json.loads(content), "digest": digest}
        for content, digest in rows.values_list("content", "digest")
    ]
    return (json.dumps(whole, ensure_ascii=False, indent=2) + "\n").encode()
