"""A declaration filled on the screen: its lines, and what they are told."""

from django.core.paginator import Page, Paginator

from declarations.enums import (
    DeclarationStatus,
    FilingMode,
    LineOrigin,
)
from declarations.models import (
    Declaration,
    DeclarationLine,
    Prefill,
)
from declarations.queries.months import expected_of, issued_prefill
from declarations.rules.form import FormJudgement, FormLine, judge
from regulation.money import to_cents
from regulation.periods import Period
from regulation.text import ascii_digits

LINES_PAGE = 100


def form_line(line: DeclarationLine, unread: dict[str, dict[str, str]]) -> FormLine:
    """A stored line as the rules read it, with what could not be stored of it."""
    return FormLine(
        key=line.pk,
        origin=LineOrigin(line.origin),
        registration_number=line.registration_number,
        full_name=line.full_name,
        cin=line.cin,
        children=line.children,
        af_payable=to_cents(line.af_payable),
        af_deducted=to_cents(line.af_deducted),
        af_net=to_cents(line.af_net),
        af_returned=to_cents(line.af_returned),
        days_declared=line.days_declared,
        gross_wage=to_cents(line.gross_wage),
        capped_wage=to_cents(line.capped_wage),
        situation=line.situation,
        unread=unread.get(str(line.pk), {}),
        rank=line.rank,
    )


def judge_form(declaration: Declaration, lines: list[DeclarationLine]) -> FormJudgement:
    """What a file that says the same would be told; five queries whatever the number of lines."""
    period = Period.from_day(declaration.period)
    affiliate = declaration.affiliate
    prefill = issued_prefill(affiliate, period)
    if prefill is None:
        raise Prefill.DoesNotExist("a form is made from the prefill of its month")
    return judge(
        [form_line(line, declaration.unread) for line in lines],
        expected_of(affiliate, period, prefill=prefill, corrects=declaration.corrects),
        declaration.supplement_number,
    )


def is_form(declaration: Declaration) -> bool:
    """A draft that is filled on the screen."""
    return (
        declaration.mode == FilingMode.FORM.value
        and declaration.status == DeclarationStatus.DRAFT.value
    )


def line_page(declaration: Declaration, *, search: str = "", page: int | str = 1) -> "Page":
    """The lines of a declaration whose number, name or card answers `search`, a hundred at a time."""
    lines = declaration.lines.order_by("rank").prefetch_related("reattachments")
    for word in ascii_digits(search).upper().split():
        lines = lines.filter(registration_number__startswith=word) | lines.filter(
            full_name__icontains=word
        )
    return Paginator(lines, LINES_PAGE).get_page(page)
