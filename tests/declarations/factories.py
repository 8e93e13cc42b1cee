"""A month of an invented affiliate: people employed, the prefill issued, the answer of its payroll."""

import datetime
import io
from collections.abc import Callable

from affiliates.models import Affiliate
from declarations import workflows
from declarations.codecs import e_bds, prefill
from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.prefill import PrefillLine
from declarations.models import Declaration, Prefill, ReceivedFile
from portal.models import User
from regulation.periods import Period
from tests.affiliates.factories import EmploymentFactory

JANUARY = Period(2026, 1)
#: An instant at which January 2026 is open and not yet due.
AT = datetime.datetime(2026, 2, 3, 9, 0, tzinfo=datetime.UTC)

Answer = Callable[[PrefillLine], PrefilledLine]


def full_month(line: PrefillLine) -> PrefilledLine:
    """8,500.50 DH for 26 days."""
    return e_bds.prefilled_line(line, days_declared=26, gross_wage=850_050, capped_wage=600_000)


def employ(affiliate: Affiliate, count: int) -> None:
    for _ in range(count):
        EmploymentFactory(affiliate=affiliate)


def issue(actor: User, affiliate: Affiliate, period: Period = JANUARY) -> Prefill:
    return workflows.issue_prefill(actor=actor, at=AT, affiliate=affiliate, period=period)


def answer(
    row: Prefill,
    line: Answer = full_month,
    new_hires: tuple[NewHireLine, ...] = (),
    supplement_number: int = 0,
) -> bytes:
    """The declaration that a sound payroll gives back."""
    read = prefill.read(io.BytesIO(bytes(row.content)))
    lines = () if supplement_number else [line(one) for one in read.lines.values()]
    return b"".join(
        e_bds.write(
            transfer_identifier=read.transfer_identifier,
            header=read.header,
            lines=lines,
            new_hires=new_hires,
            supplement_number=supplement_number,
        )
    )


def send(
    actor: User,
    affiliate: Affiliate,
    content: bytes,
    *,
    name: str = "",
    period: Period = JANUARY,
    at: datetime.datetime = AT,
    corrects: Declaration | None = None,
) -> ReceivedFile:
    """Receive a file and check it, as the page and the worker do."""
    name = name or e_bds.file_name(affiliate.affiliation_number, period.compact)
    file, _ = workflows.receive_file(
        actor=actor,
        at=at,
        affiliate=affiliate,
        period=period,
        name=name,
        chunks=[content],
        corrects=corrects,
    )
    return workflows.check_file(file_id=file.pk, at=at)


def draft(actor: User, affiliate: Affiliate, people: int = 2) -> Declaration:
    """An accepted main declaration for January, not yet submitted."""
    employ(affiliate, people)
    file = send(actor, affiliate, answer(issue(actor, affiliate)))
    return Declaration.objects.get(received_file=file)


def submitted(actor: User, affiliate: Affiliate, people: int = 2) -> Declaration:
    one = draft(actor, affiliate, people)
    return workflows.submit(actor=actor, at=AT, declaration=one, version=one.version)
