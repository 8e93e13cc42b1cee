"""The form (EFI): a draft opened from the prefill or from last month, filled cell by cell.

Every change carries the version that the person saw and raises it. A change made upon an older
version is refused with FormChanged unless it says what is already stored.
"""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext

from affiliates.models import Affiliate, Employee
from affiliates.queries import expected_situations
from declarations import queries
from declarations.codecs.e_bds import AWAITING_NUMBER
from declarations.codecs.fixed_width import ALPHABET, transliterate
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FilingMode,
    FormColumn,
    LineOrigin,
    LineSituation,
)
from declarations.errors import (
    AnotherIsSubmitted,
    FormChanged,
    NoEarlierDeclaration,
    NoMoreSupplements,
    NotAForm,
)
from declarations.models import Declaration, DeclarationLine
from declarations.transitions import Act, after
from declarations.workflows.prefills import issue_prefill
from portal import audit
from portal.models import User
from regulation.errors import DomainError
from regulation.money import ZERO, from_cents, parse_amount
from regulation.parameters import value_at
from regulation.periods import Period
from regulation.text import ascii_digits

#: What a person typed, by line and column.
Cells = Mapping[int, Mapping[str, str]]

_DAYS = re.compile("[0-9]{1,2}", re.ASCII)
_MOST_DAYS = 26
#: The wage has thirteen digits in the file and in the table.
_MOST_WAGE = Decimal("99999999999.99")
_LONGEST_TYPED = 40
_GONE = (LineSituation.LEFT.value, LineSituation.DECEASED.value)
_FILLED = ("days_declared", "gross_wage", "capped_wage", "situation", "af_returned")


# -- opening -------------------------------------------------------------------------------------


@transaction.atomic
def open_form(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    period: Period,
    as_last_month: bool = False,
) -> Declaration:
    """The draft to fill for a month: the one there is, or a new one with everybody of the prefill.

    With `as_last_month`, the people nothing was typed for get the days, wage and situation of the last
    submitted main declaration. Once the main declaration is submitted the draft is a supplementary one. A
    draft from a file in the same place is replaced. Refuses a month that is not open (PeriodNotOpen), a
    register that does not fit the format (TooWideForPrefill), a copy of nothing (NoEarlierDeclaration), a
    copy after the submission (AnotherIsSubmitted) and a tenth supplement (NoMoreSupplements).
    """
    issue_prefill(actor=actor, at=at, affiliate=affiliate, period=period)
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    kind, supplement_number = _place(affiliate, period, as_last_month)
    row = _replace_file_draft(affiliate, period, kind, supplement_number)
    if row is None:
        row = Declaration.objects.create(
            affiliate=affiliate,
            period=period.first_day,
            kind=kind.value,
            supplement_number=supplement_number,
            mode=FilingMode.FORM.value,
            created_at=at,
        )
        if kind is DeclarationKind.MAIN:
            _add_people_of_prefill(row, period)
        audit_form(actor, row, "declarations.form.opened")
    if as_last_month and (copied := _copy_last_month(row, affiliate, period)):
        audit_form(actor, row, "declarations.form.copied", people=copied)
    _refresh(row, _lines(row))
    return row


def _place(
    affiliate: Affiliate, period: Period, as_last_month: bool
) -> tuple[DeclarationKind, int]:
    """Main while none is submitted, then the first supplement that is free."""
    submitted = Declaration.objects.filter(
        affiliate=affiliate, period=period.first_day, status=DeclarationStatus.SUBMITTED.value
    )
    used = set(submitted.values_list("supplement_number", flat=True))
    if 0 not in used:
        return DeclarationKind.MAIN, 0
    if as_last_month:
        raise AnotherIsSubmitted(kind=DeclarationKind.MAIN, period=period)
    free = next((number for number in range(1, 10) if number not in used), None)
    if free is None:
        raise NoMoreSupplements(period=period)
    return DeclarationKind.SUPPLEMENTARY, free


def _replace_file_draft(
    affiliate: Affiliate, period: Period, kind: DeclarationKind, supplement_number: int
) -> Declaration | None:
    """The form draft that holds the place, if one does; a file draft there gives way."""
    draft = (
        Declaration.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .filter(
            affiliate=affiliate,
            period=period.first_day,
            kind=kind.value,
            supplement_number=supplement_number,
            status=DeclarationStatus.DRAFT.value,
        )
        .first()
    )
    if draft is None or draft.mode == FilingMode.FORM:
        return draft
    draft.status = after(DeclarationStatus(draft.status), Act.REPLACE).value
    draft.version += 1
    draft.save(update_fields=["status", "version"])
    return None


def _add_people_of_prefill(row: Declaration, period: Period) -> None:
    prefill = queries.issued_prefill(row.affiliate, period)
    people = sorted(prefill.lines.items()) if prefill else []
    # Departures and absences that the employer has already told.
    told = expected_situations(row.affiliate, period.first_day, period.last_day)
    DeclarationLine.objects.bulk_create(
        [
            DeclarationLine(
                declaration=row,
                rank=rank,
                origin=LineOrigin.PREFILLED.value,
                registration_number=number,
                full_name=issued.name,
                children=issued.children,
                af_payable=from_cents(issued.af_payable),
                af_deducted=from_cents(issued.af_deducted),
                af_net=from_cents(issued.af_net),
                af_returned=from_cents(issued.af_net) if told.get(number) in _GONE else ZERO,
                situation=told.get(number, LineSituation.NORMAL.value),
                days_declared=0,
                gross_wage=ZERO,
                capped_wage=ZERO,
            )
            for rank, (number, issued) in enumerate(people, 1)
        ],
        batch_size=1_000,
    )


def _copy_last_month(row: Declaration, affiliate: Affiliate, period: Period) -> int:
    """Give those nothing was typed for what they had; people still without a number come again. How many lines."""
    earlier = queries.last_main(affiliate, period)
    if earlier is None:
        raise NoEarlierDeclaration(period=period)
    ceiling = _ceiling(row)
    told = queries.declared_lines(affiliate, Period.from_day(earlier.period))
    before = {line.registration_number: line for line in told}
    ours = _lines(row)
    changed = []
    for line in ours:
        model = before.get(line.registration_number)
        touched = line.days_declared or line.gross_wage or line.situation
        if model is None or touched or str(line.pk) in row.unread or model.situation in _GONE:
            continue
        line.days_declared, line.gross_wage = model.days_declared, model.gross_wage
        line.capped_wage = min(model.gross_wage, ceiling)
        line.situation = model.situation
        changed.append(line)
    DeclarationLine.objects.bulk_update(changed, _FILLED, batch_size=500)
    present = {line.cin for line in ours if line.cin}
    numbers = [line.registration_number for line in ours]
    waiting = [
        line
        for line in told
        if line.registration_number == AWAITING_NUMBER and line.cin not in present
    ]
    if waiting:
        known = Employee.objects.filter(
            cin__in=[line.cin for line in waiting], registration_number__in=numbers
        )
        numbered = set(known.values_list("cin", flat=True))
        rank = max((line.rank for line in ours), default=0)
        for model in waiting:
            if model.cin in numbered:
                continue
            rank += 1
            DeclarationLine.objects.create(
                declaration=row,
                rank=rank,
                origin=LineOrigin.NEW_HIRE.value,
                registration_number=model.registration_number,
                full_name=model.full_name,
                cin=model.cin,
                days_declared=model.days_declared,
                gross_wage=model.gross_wage,
                capped_wage=min(model.gross_wage, ceiling),
            )
            changed.append(model)
    if changed:
        row.version += 1
    return len(changed)


# -- filling -------------------------------------------------------------------------------------


@transaction.atomic
def save_form(*, actor: User, declaration: Declaration, version: int, cells: Cells) -> Declaration:
    """Write what was typed, all of it or nothing; what cannot be read is kept as typed and told.

    `cells` gives texts by line key and FormColumn value; a blank text is zero, or no situation. Cells of
    other declarations are left aside. Saying again what is stored changes nothing, whatever the version.
    Refuses a draft changed since `version` (FormChanged), submitted or abandoned (MoveRefused) and a draft
    of a file (NotAForm).
    """
    row = _locked(declaration)
    lines = _lines(row)
    ceiling = _ceiling(row)
    unread = {key: dict(typed) for key, typed in row.unread.items()}
    changed = []
    fields: set[str] = set()
    for line in lines:
        typed = cells.get(line.pk)
        if typed is None:
            continue
        before = _values(line), unread.get(str(line.pk), {})
        left = dict(before[1])
        _fill(line, typed, left, ceiling)
        unread.pop(str(line.pk), None)
        if left:
            unread[str(line.pk)] = left
        after_it = _values(line)
        fields |= {
            name for name, was, now in zip(_FILLED, before[0], after_it, strict=True) if was != now
        }
        if (after_it, left) != before:
            changed.append(line)
    if not changed:
        return row
    _check_version(row, version)
    if fields:
        DeclarationLine.objects.bulk_update(changed, sorted(fields), batch_size=500)
    row.unread = unread
    row.version += 1
    _refresh(row, lines)
    audit_form(actor, row, "declarations.form.saved", lines=len(changed), version=row.version)
    return row


def paste_block(
    *,
    actor: User,
    declaration: Declaration,
    version: int,
    column: FormColumn,
    lines: Sequence[int],
    rows: Sequence[Sequence[str]],
) -> Declaration:
    """Write rows copied from a spreadsheet on these lines, from `column` to the right, over all pages.

    Rows beyond the last line and cells beyond the last column are left aside. Refusals as `save_form`.
    """
    columns = list(FormColumn)[list(FormColumn).index(column) :]
    cells = {
        key: {one.value: text for one, text in zip(columns, row, strict=False)}
        for key, row in zip(lines, rows, strict=False)
    }
    return save_form(actor=actor, declaration=declaration, version=version, cells=cells)


def _fill(
    line: DeclarationLine, typed: Mapping[str, str], left: dict[str, str], ceiling: Decimal
) -> None:
    """Put each text where it belongs in the line, or in `left` when the line cannot hold it."""
    for column in FormColumn:
        text = typed.get(column.value)
        if text is None or (column is FormColumn.SITUATION and line.origin == LineOrigin.NEW_HIRE):
            continue
        text = ascii_digits(text).strip()[:_LONGEST_TYPED]
        left.pop(column.value, None)
        if not _PUT[column](line, text):
            left[column.value] = text
    line.capped_wage = min(line.gross_wage, ceiling)
    line.af_returned = line.af_net if line.situation in _GONE else ZERO


def _put_days(line: DeclarationLine, text: str) -> bool:
    if text and not _DAYS.fullmatch(text):
        return False
    days = int(text or "0")
    if days > _MOST_DAYS:
        return False
    line.days_declared = days
    return True


def _put_wage(line: DeclarationLine, text: str) -> bool:
    try:
        wage = parse_amount(text) if text else ZERO
    except DomainError:
        return False
    if wage > _MOST_WAGE:
        return False
    line.gross_wage = wage
    return True


def _put_situation(line: DeclarationLine, text: str) -> bool:
    """The letters of a situation, or its name in French or in the language of the screen."""
    said = text.lower()
    for one in LineSituation:
        if said in (one.value.lower(), one.label.lower(), gettext(one.label).lower()):
            line.situation = one.value
            return True
    return False


_PUT = {
    FormColumn.DAYS: _put_days,
    FormColumn.WAGE: _put_wage,
    FormColumn.SITUATION: _put_situation,
}


# -- entrants, a month without work ----------------------------------------------------------------


@transaction.atomic
def add_new_hire(
    *,
    actor: User,
    declaration: Declaration,
    version: int,
    registration_number: str,
    cin: str,
    last_name: str,
    first_name: str,
) -> Declaration:
    """Add somebody the prefill does not know, by number or, while there is none, by identity card.

    Somebody already in the form is not added twice. The rules then say of the line what they would say in a
    file. Refusals as `save_form`.
    """
    row = _locked(declaration)
    lines = _lines(row)
    number = registration_number or AWAITING_NUMBER
    if any(
        line.registration_number == number and (number != AWAITING_NUMBER or line.cin == cin)
        for line in lines
    ):
        return row
    _check_version(row, version)
    DeclarationLine.objects.create(
        declaration=row,
        rank=max((one.rank for one in lines), default=0) + 1,
        origin=LineOrigin.NEW_HIRE.value,
        registration_number=number,
        full_name=(_written(last_name).ljust(30) + _written(first_name)).rstrip(),
        cin=cin,
        days_declared=0,
        gross_wage=ZERO,
        capped_wage=ZERO,
    )
    row.version += 1
    _refresh(row, _lines(row))
    audit_form(actor, row, "declarations.form.new_hire_added", registration_number=number)
    return row


@transaction.atomic
def remove_new_hire(
    *, actor: User, declaration: Declaration, version: int, line: int
) -> Declaration:
    """Take an entrant out; one already out changes nothing. People of the prefill stay, with a situation."""
    row = _locked(declaration)
    lines = _lines(row)
    gone = [one for one in lines if one.pk == line and one.origin == LineOrigin.NEW_HIRE.value]
    if not gone:
        return row
    _check_version(row, version)
    DeclarationLine.objects.filter(pk=gone[0].pk).delete()
    row.unread = {key: typed for key, typed in row.unread.items() if key != str(line)}
    row.version += 1
    _refresh(row, [one for one in lines if one.pk != line])
    audit_form(
        actor,
        row,
        "declarations.form.new_hire_removed",
        registration_number=gone[0].registration_number,
    )
    return row


@transaction.atomic
def declare_no_work(
    *, actor: User, declaration: Declaration, version: int, situation: LineSituation
) -> Declaration:
    """A month in which nobody worked: everybody of the prefill gets one situation, no day and no wage.

    Entrants are left as they are. Refusals as `save_form`.
    """
    row = _locked(declaration)
    nothing = {
        FormColumn.DAYS.value: "",
        FormColumn.WAGE.value: "",
        FormColumn.SITUATION.value: situation.value,
    }
    known = row.lines.filter(origin=LineOrigin.PREFILLED.value).values_list("pk", flat=True)
    return save_form(
        actor=actor, declaration=row, version=version, cells=dict.fromkeys(known, nothing)
    )


# -- shared ----------------------------------------------------------------------------------------


def audit_form(actor: User, row: Declaration, action: str, **facts: object) -> None:
    """Keep who did what to the draft of a form."""
    audit.record(
        actor=actor,
        action=action,
        subject=row,
        affiliation_number=row.affiliate.affiliation_number,
        period=f"{row.period:%Y-%m}",
        **facts,
    )


def _locked(declaration: Declaration) -> Declaration:
    """The draft under the affiliate's lock; refuses what is no longer a draft, or never was a form."""
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=declaration.affiliate_id)
    row = (
        Declaration.objects.select_for_update(of=("self",))
        .select_related("corrects")
        .get(pk=declaration.pk)
    )
    row.affiliate = affiliate
    after(DeclarationStatus(row.status), Act.FILL)
    if row.mode != FilingMode.FORM:
        raise NotAForm()
    return row


def _check_version(row: Declaration, version: int) -> None:
    if row.version != version:
        raise FormChanged()


def _lines(row: Declaration) -> list[DeclarationLine]:
    return list(row.lines.order_by("rank"))


def _values(line: DeclarationLine) -> tuple[object, ...]:
    return tuple(getattr(line, name) for name in _FILLED)


def _ceiling(row: Declaration) -> Decimal:
    value = value_at("ceiling.monthly", row.period).value
    if not isinstance(value, Decimal):
        raise TypeError("the ceiling is an amount")
    return value


def _refresh(row: Declaration, lines: Iterable[DeclarationLine]) -> None:
    """The totals of the draft, and how much the rules still ask for."""
    known = list(lines)
    row.employee_count = len(known)
    row.days_declared = sum(line.days_declared for line in known)
    row.wage_bill = sum((line.gross_wage for line in known), ZERO)
    row.capped_wage_bill = sum((line.capped_wage for line in known), ZERO)
    row.to_complete = queries.judge_form(row, known).to_complete
    row.save()


def _written(text: str) -> str:
    """A name in the alphabet of the exchange, at most thirty columns."""
    plain = transliterate(text)
    return "".join(c if c in ALPHABET else " " for c in plain)[:30].strip()
