"""Questions about declarations."""

import datetime
import io
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet, Sum

from affiliates.enums import AffiliateState
from affiliates.models import Affiliate
from affiliates.queries import employed_in, statuses_on, taken_over_on, with_special_terms
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import PrefillFile
from declarations.deviations import DEVIATIONS
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileKind,
    FileVerdict,
    FilingMode,
    LineOrigin,
    OnTimeReason,
    Severity,
)
from declarations.errors import PeriodNotOpen
from declarations.finding_examples import EXAMPLES, Example
from declarations.finding_texts import TEXTS, FindingText, in_a_sheet, message_of
from declarations.models import (
    Declaration,
    DeclarationLine,
    FileFinding,
    Prefill,
    ReceivedFile,
)
from declarations.rules import Expected
from declarations.rules.form import FormJudgement, FormLine, judge
from declarations.rules.repair import ADVICE_MENDED, BLOCKING_MENDED
from portal import clock
from portal.enums import JobState
from regulation.contributions import Bases, ContributionResult, contributions_from_bases
from regulation.enums import ContributionStatus
from regulation.money import ZERO, to_cents
from regulation.parameters import due_day, first_known_day
from regulation.periods import Period
from regulation.text import Sentence, ascii_digits

LIVE = (DeclarationStatus.DRAFT.value, DeclarationStatus.SUBMITTED.value)
LINES_PAGE = 100
#: Up to this many people the form is proposed first; beyond, the file of the payroll software.
FORM_FIRST_UP_TO = 50
FINDINGS_PAGE = 100
#: Months shown in the list of an affiliate.
MONTHS_SHOWN = 13


# -- which months ------------------------------------------------------------------------------


def open_span(affiliate: Affiliate, today: datetime.date) -> tuple[Period, Period]:
    """First and last month that the affiliate may declare on `today`: the current month closes the span."""
    known = Period.from_day(first_known_day("ceiling.monthly"))
    return max(Period.from_day(affiliate.affiliated_on), known), Period.from_day(today)


def check_open(affiliate: Affiliate, period: Period, today: datetime.date) -> None:
    """Refuse with PeriodNotOpen a month outside `open_span`."""
    first, last = open_span(affiliate, today)
    if not first <= period <= last:
        raise PeriodNotOpen(period=period, first=first, last=last)


# -- one month, and the list of months ---------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """Where a month stands for an affiliate, and what is left to do."""

    period: Period
    due_on: datetime.date
    prefill: Prefill | None
    main: Declaration | None  # the one that counts, or the draft of the first
    supplements: list[Declaration]
    correction: Declaration | None  # a draft that corrects what is filed
    last_file: ReceivedFile | None
    is_late: bool  # not submitted and past the due day

    @property
    def is_filed(self) -> bool:
        """Whether the main declaration is submitted."""
        return self.main is not None and self.main.status == DeclarationStatus.SUBMITTED

    @property
    def step(self) -> str:
        """What to do next: `file`, `wait`, `correct`, `fill`, `submit` or nothing (`done`)."""
        if self.is_filed:
            if self.draft is not None:
                return "fill" if self.draft.to_complete else "submit"
            return "done"
        file = self.last_file
        if file is not None and file.state in (JobState.WAITING, JobState.RUNNING):
            return "wait"
        if self.main is not None:
            return "fill" if self.main.to_complete else "submit"
        if file is not None and file.verdict in (FileVerdict.BLOCKED, FileVerdict.REFUSED):
            return "correct"
        return "file"

    @property
    def draft(self) -> Declaration | None:
        """The draft that waits to be submitted: a correction, then main first."""
        places = (self.correction, self.main, *self.supplements)
        candidates = [one for one in places if one is not None]
        return next((one for one in candidates if one.status == DeclarationStatus.DRAFT), None)


def months(affiliate: Affiliate, *, today: datetime.date, count: int = MONTHS_SHOWN) -> list[Month]:
    """The last `count` open months, newest first; four queries whatever the count."""
    first, last = open_span(affiliate, today)
    periods = [last - back for back in range(count) if last - back >= first]
    if not periods:
        return []
    return _months(affiliate, periods, today)


def month(affiliate: Affiliate, period: Period, *, today: datetime.date) -> Month:
    """One month of an affiliate; four queries."""
    return _months(affiliate, [period], today)[0]


def _months(affiliate: Affiliate, periods: list[Period], today: datetime.date) -> list[Month]:
    days = [period.first_day for period in periods]
    prefills = {
        row.period: row
        for row in Prefill.objects.filter(affiliate=affiliate, period__in=days).defer("content")
    }
    declarations: dict[datetime.date, list[Declaration]] = {}
    live = Declaration.objects.filter(affiliate=affiliate, period__in=days, status__in=LIVE)
    for declaration in live.order_by("supplement_number"):
        declarations.setdefault(declaration.period, []).append(declaration)
    files: dict[datetime.date, ReceivedFile] = {}
    received = ReceivedFile.objects.filter(affiliate=affiliate, period__in=days)
    for file in (
        received.select_related("stored").order_by("period", "-received_at").distinct("period")
    ):
        files[file.period] = file
    found = []
    for period in periods:
        day = period.first_day
        drafts = [one for one in declarations.get(day, []) if one.corrects_id]
        ours = [one for one in declarations.get(day, []) if not one.corrects_id or one.was_filed]
        main = next((one for one in ours if one.kind == DeclarationKind.MAIN), None)
        due_on = due_day(period)
        submitted = main is not None and main.status == DeclarationStatus.SUBMITTED
        found.append(
            Month(
                period=period,
                due_on=due_on,
                prefill=prefills.get(day),
                main=main,
                supplements=[one for one in ours if one.kind != DeclarationKind.MAIN],
                correction=next((one for one in drafts if not one.was_filed), None),
                last_file=files.get(day),
                is_late=not submitted and today > due_on,
            )
        )
    return found


#: The day of the month from which its prefill is issued, as the fund does.
PREFILL_DAY = 27


def period_to_prefill(today: datetime.date) -> Period:
    """The latest month whose prefill should exist: this one from the 27th on, the one before until then."""
    period = Period.from_day(today)
    return period if today.day >= PREFILL_DAY else period.previous()


def without_prefill(period: Period) -> QuerySet[Affiliate]:
    """Active affiliates that still have no prefill for a month, in the order of their numbers."""
    return (
        Affiliate.objects.filter(
            state=AffiliateState.ACTIVE.value, affiliated_on__lte=period.last_day
        )
        .exclude(prefills__period=period.first_day)
        .order_by("affiliation_number")
    )


def received_files(affiliate: Affiliate, period: Period) -> QuerySet[ReceivedFile]:
    """The files received for a month, newest first."""
    rows = ReceivedFile.objects.filter(affiliate=affiliate, period=period.first_day)
    return rows.select_related("stored", "received_by", "declaration").order_by("-received_at")


def declared_lines(affiliate: Affiliate, period: Period) -> QuerySet[DeclarationLine]:
    """Every line of the submitted declarations of a month, main and supplementary."""
    return DeclarationLine.objects.filter(
        declaration__affiliate=affiliate,
        declaration__period=period.first_day,
        declaration__status=DeclarationStatus.SUBMITTED.value,
    )


# -- what a declaration is compared with ---------------------------------------------------------


def issued_prefill(affiliate: Affiliate, period: Period) -> PrefillFile | None:
    """The prefill of the month as its bytes say it; None while none was issued."""
    row = Prefill.objects.filter(affiliate=affiliate, period=period.first_day).first()
    return prefill_codec.read(io.BytesIO(bytes(row.content))) if row else None


def month_is_filed(affiliate: Affiliate, period: Period) -> bool:
    """Whether the main declaration of a month is submitted; one query."""
    return Declaration.objects.filter(
        affiliate=affiliate,
        period=period.first_day,
        kind=DeclarationKind.MAIN.value,
        status=DeclarationStatus.SUBMITTED.value,
    ).exists()


def expected_of(
    affiliate: Affiliate,
    period: Period,
    *,
    prefill: PrefillFile | None,
    file_name: str | None = None,
    nothing_filed: bool = False,
    corrects: Declaration | None = None,
) -> Expected:
    """What the fund knows of a month, for a file or for a form; two queries.

    None when it is already known that nothing was filed for the month. What is corrected counts as not declared:
    the correction speaks in its place.
    """
    submitted = Declaration.objects.filter(
        affiliate=affiliate, period=period.first_day, status=DeclarationStatus.SUBMITTED.value
    )
    numbers = [] if nothing_filed else list(submitted.values_list("kind", "supplement_number"))
    place = (corrects.kind, corrects.supplement_number) if corrects else None
    others = [number for number in numbers if number != place]
    declared: frozenset[str] = frozenset()
    if others:
        lines = declared_lines(affiliate, period)
        if place:
            lines = lines.exclude(
                declaration__kind=place[0], declaration__supplement_number=place[1]
            )
        declared = frozenset(lines.values_list("registration_number", flat=True))
    main = (DeclarationKind.MAIN.value, 0)
    return Expected(
        affiliation_number=affiliate.affiliation_number,
        period=period,
        prefill=prefill,
        file_name=file_name,
        main_declared=None if place == main else main in numbers,
        supplements_used=frozenset(number for kind, number in others if number),
        already_declared=declared,
        corrects=(DeclarationKind(place[0]), place[1]) if place else None,
    )


# -- the form ------------------------------------------------------------------------------------


def is_form_first(affiliate: Affiliate, period: Period, prefill: Prefill | None) -> bool:
    """Whether the form suits the firm better than a file: few people; one query without a prefill."""
    if prefill is not None:
        return prefill.employee_count <= FORM_FIRST_UP_TO
    people = employed_in(affiliate, period.first_day, period.last_day).order_by()
    return people.count() <= FORM_FIRST_UP_TO


def mains_before(affiliate: Affiliate, period: Period) -> QuerySet[Declaration]:
    """The submitted main declarations of earlier months, latest first."""
    return Declaration.objects.filter(
        affiliate=affiliate,
        period__lt=period.first_day,
        kind=DeclarationKind.MAIN.value,
        status=DeclarationStatus.SUBMITTED.value,
    ).order_by("-period")


def last_main(affiliate: Affiliate, period: Period) -> Declaration | None:
    """The latest submitted main declaration of an earlier month."""
    return mains_before(affiliate, period).first()


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


# -- lines and findings ------------------------------------------------------------------------


def line_page(declaration: Declaration, *, search: str = "", page: int | str = 1) -> "Page":
    """The lines of a declaration whose number, name or card answers `search`, a hundred at a time."""
    lines = declaration.lines.order_by("rank").prefetch_related("reattachments")
    for word in ascii_digits(search).upper().split():
        lines = lines.filter(registration_number__startswith=word) | lines.filter(
            full_name__icontains=word
        )
    return Paginator(lines, LINES_PAGE).get_page(page)


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one code: how many, how grave, in which words."""

    code: str
    severity: Severity
    count: int
    text: FindingText
    example: Example


def finding_groups(file: ReceivedFile) -> list[FindingGroup]:
    """Findings counted by severity and code, the gravest first; one query."""
    rows = (
        FileFinding.objects.filter(received_file=file)
        .order_by()
        .values("severity", "code")
        .annotate(count=Count("id"))
    )
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    is_sheet = file.kind == FileKind.SHEET
    groups = [
        FindingGroup(
            row["code"],
            Severity(row["severity"]),
            row["count"],
            _words(row["code"], is_sheet),
            EXAMPLES[row["code"]],
        )
        for row in rows
    ]
    return sorted(groups, key=lambda group: (order[group.severity], -group.count, group.code))


def _words(code: str, is_sheet: bool) -> FindingText:
    return in_a_sheet(TEXTS[code]) if is_sheet else TEXTS[code]


def may_be_repaired(groups: list[FindingGroup], declaration: Declaration | None) -> bool:
    """Whether a repair is worth looking for: every blocking fault is of a kind that can be mended.

    The page of the repair says whether one is certain. What was submitted is not touched any more.
    """
    if declaration is not None and declaration.status != DeclarationStatus.DRAFT:
        return False
    blocking = {one.code for one in groups if one.severity is not Severity.WARNING}
    if blocking:
        return blocking <= BLOCKING_MENDED
    return any(one.code in ADVICE_MENDED for one in groups)


@dataclass(frozen=True)
class ShownFinding:
    """A finding with its words; `habit` says which habit of some software explains it, if one does.

    `deviation` is the name of that habit, and `example` shows it.
    """

    row: FileFinding
    message: Sentence
    text: FindingText
    habit: str
    deviation: str
    example: Example


def shown(row: FileFinding) -> ShownFinding:
    """A stored finding with its words."""
    message = message_of(
        row.code,
        value=row.value,
        expected=row.expected,
        field=row.field,
        line_number=row.line_number,
        facts=row.facts,
    )
    deviation = row.facts.get("deviation", "")
    habit = DEVIATIONS.get(deviation, "")
    example = EXAMPLES.get(deviation) or EXAMPLES[row.code]
    return ShownFinding(row, message, TEXTS[row.code], habit, deviation, example)


def finding_page(
    file: ReceivedFile, *, severity: str = "", code: str = "", page: int | str = 1
) -> "Page":
    """The findings of a file in file order, a hundred at a time, narrowed to a severity or a code."""
    rows = FileFinding.objects.filter(received_file=file).order_by("rank")
    if severity:
        rows = rows.filter(severity=severity)
    if code:
        rows = rows.filter(code=code)
    return Paginator(rows, FINDINGS_PAGE).get_page(page)


# -- amounts -----------------------------------------------------------------------------------


def contributions_of(declaration: Declaration) -> ContributionResult:
    """What the declaration costs, branch by branch; the preview and the submission call this one function."""
    return contributions_of_all([declaration])[declaration.pk]


def contributions_of_all(declarations: Collection[Declaration]) -> dict[int, ContributionResult]:
    """What each of these declarations costs, by key; two queries, and three for each employer of a special status."""
    special = with_special_terms({one.affiliate_id for one in declarations})
    results = {}
    for one in declarations:
        period = Period.from_day(one.period)
        bases, statuses = (
            Bases(one.wage_bill, one.capped_wage_bill),
            frozenset[ContributionStatus](),
        )
        if one.affiliate_id in special:
            bases, statuses = _bases(one, period), statuses_on(one.affiliate, period.first_day)
        results[one.pk] = contributions_from_bases(period, bases, statuses)
    return results


def _bases(declaration: Declaration, period: Period) -> Bases:
    """The sums of a declaration, and those of its lines that the State takes over on the first day of the month."""
    gross = capped = ZERO
    numbers = taken_over_on(declaration.affiliate, period.first_day)
    if numbers:
        taken = declaration.lines.filter(registration_number__in=numbers).aggregate(
            gross=Sum("gross_wage"), capped=Sum("capped_wage")
        )
        gross, capped = taken["gross"] or ZERO, taken["capped"] or ZERO
    return Bases(declaration.wage_bill, declaration.capped_wage_bill, gross, capped)


def stored_contributions(declaration: Declaration) -> ContributionResult:
    """What was computed when the declaration was submitted, with its working."""
    return ContributionResult.from_json(declaration.working or {})


# -- receipt -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReceiptFacts:
    """Everything that the receipt of a submitted declaration states. Amounts in dirhams."""

    receipt_number: str
    affiliation_number: str
    affiliate_name: str
    affiliate_name_ar: str
    agency_name: str
    agency_name_ar: str
    period: Period
    kind: DeclarationKind
    supplement_number: int
    submitted_at: datetime.datetime
    submitted_by: str
    due_on: datetime.date
    is_late: bool
    file_name: str
    file_sha256: str
    employee_count: int
    new_hire_count: int
    days_declared: int
    wage_bill: Decimal
    capped_wage_bill: Decimal
    contributions: ContributionResult
    digest: str  # of the chained receipt; empty while it is being made
    kept_on_time_because: OnTimeReason | None = None
    # What a correction takes the place of, and when the month first arrived: that day says whether it was late.
    replaces: str = ""
    first_submitted_at: datetime.datetime | None = None


def first_filed_at(declaration: Declaration) -> datetime.datetime:
    """When the place of a filed declaration was first filed, corrected since or not."""
    first = filed_in_place(declaration).order_by("submitted_at").first()
    if first is None or first.submitted_at is None:
        raise Declaration.DoesNotExist("nothing was filed in this place")
    return first.submitted_at


def filed_in_place(declaration: Declaration) -> QuerySet[Declaration]:
    """Everything ever submitted for the month, kind and number of a declaration, itself included."""
    return Declaration.objects.filter(
        affiliate=declaration.affiliate_id,
        period=declaration.period,
        kind=declaration.kind,
        supplement_number=declaration.supplement_number,
        submitted_at__isnull=False,
    )


def receipt_facts(declaration: Declaration) -> ReceiptFacts:
    """The facts of the receipt of a submitted declaration; three queries at most."""
    return receipt_facts_of([declaration])[declaration.pk]


def receipt_facts_of(declarations: Collection[Declaration]) -> dict[int, ReceiptFacts]:
    """The facts of the receipts of submitted declarations, by key; two queries, and one for each correction."""
    keys = [one.pk for one in declarations]
    rows = Declaration.objects.filter(pk__in=keys).select_related(
        "affiliate__agency", "submitted_by", "received_file__stored", "receipt", "corrects"
    )
    hired = dict(
        DeclarationLine.objects.filter(declaration__in=keys, origin=LineOrigin.NEW_HIRE.value)
        .order_by()
        .values_list("declaration")
        .annotate(count=Count("pk"))
    )
    return {row.pk: _receipt_facts(row, hired.get(row.pk, 0)) for row in rows}


def _receipt_facts(declaration: Declaration, new_hires: int) -> ReceiptFacts:
    if declaration.submitted_at is None or declaration.receipt_number is None:
        raise Declaration.DoesNotExist("no receipt before submission")
    affiliate, file = declaration.affiliate, declaration.received_file
    period = Period.from_day(declaration.period)
    due_on = due_day(period)
    former = declaration.corrects
    first = first_filed_at(declaration) if former else declaration.submitted_at
    return ReceiptFacts(
        receipt_number=declaration.receipt_number,
        affiliation_number=affiliate.affiliation_number,
        affiliate_name=affiliate.name,
        affiliate_name_ar=affiliate.name_ar,
        agency_name=affiliate.agency.name,
        agency_name_ar=affiliate.agency.name_ar,
        period=period,
        kind=DeclarationKind(declaration.kind),
        supplement_number=declaration.supplement_number,
        submitted_at=declaration.submitted_at,
        replaces=(former.receipt_number or "") if former else "",
        first_submitted_at=first,
        submitted_by=declaration.submitted_by.full_name if declaration.submitted_by else "",
        due_on=due_on,
        is_late=(declaration.filed_on or clock.day_of(first)) > due_on,
        kept_on_time_because=(
            OnTimeReason(declaration.kept_on_time_because)
            if declaration.kept_on_time_because
            else None
        ),
        file_name=file.stored.name if file else "",
        file_sha256=file.sha256 if file else "",
        employee_count=declaration.employee_count,
        new_hire_count=new_hires,
        days_declared=declaration.days_declared,
        wage_bill=declaration.wage_bill,
        capped_wage_bill=declaration.capped_wage_bill,
        contributions=stored_contributions(declaration),
        digest=declaration.receipt.digest if hasattr(declaration, "receipt") else "",
    )
