"""Give the declarations filed before receipts were rows their place in the chain, in the order of filing.

Runs again without effect: a declaration that has its receipt keeps it. The text of a receipt is made by the
codec, whose format carries a version; nothing else of ours is used.
"""

from zoneinfo import ZoneInfo

from django.db import migrations

from declarations.codecs import receipt as codec
from regulation.parameters import due_day
from regulation.periods import Period

CASABLANCA = ZoneInfo("Africa/Casablanca")


def chain(apps, schema_editor):
    Declaration = apps.get_model("declarations", "Declaration")
    Receipt = apps.get_model("declarations", "Receipt")
    unchained = (
        Declaration.objects.filter(status="submitted", receipt=None)
        .select_related("affiliate", "submitted_by", "received_file__stored")
        .order_by("affiliate_id", "submitted_at", "id")
    )
    for declaration in unchained.iterator(chunk_size=2_000):
        last = Receipt.objects.filter(affiliate=declaration.affiliate_id).order_by("-rank").first()
        rank, previous = (last.rank + 1, last.digest) if last else (1, codec.NO_PREVIOUS)
        content = codec.content_of(_facts(declaration), rank=rank, previous_digest=previous)
        Receipt.objects.create(
            declaration=declaration,
            affiliate=declaration.affiliate,
            rank=rank,
            previous_digest=previous,
            digest=codec.digest_of(content),
            content=content,
        )


def _facts(declaration):
    file, author = declaration.received_file, declaration.submitted_by
    due_on = due_day(Period.from_day(declaration.period))
    return {
        "receipt_number": declaration.receipt_number,
        "affiliation_number": declaration.affiliate.affiliation_number,
        "affiliate_name": declaration.affiliate.name,
        "period": f"{declaration.period:%Y-%m}",
        "kind": declaration.kind,
        "supplement_number": declaration.supplement_number,
        "submitted_at": codec.instant(declaration.submitted_at),
        "submitted_by": author.full_name if author else "",
        "due_on": due_on.isoformat(),
        "is_late": declaration.submitted_at.astimezone(CASABLANCA).date() > due_on,
        "file_name": file.stored.name if file else "",
        "file_sha256": file.sha256 if file else "",
        "employees": declaration.employee_count,
        "new_hires": declaration.lines.filter(origin="new_hire").count(),
        "days_declared": declaration.days_declared,
        "wage_bill": f"{declaration.wage_bill:.2f}",
        "capped_wage_bill": f"{declaration.capped_wage_bill:.2f}",
        "contributions": f"{declaration.contributions_total:.2f}",
    }


class Migration(migrations.Migration):
    dependencies = [("declarations", "0002_receipts")]

    operations = [migrations.RunPython(chain, migrations.RunPython.noop, elidable=True)]
