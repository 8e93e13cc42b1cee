"""Which months an affiliate may declare, where each stands, and what is expected of it."""

import datetime
import io
from dataclasses import dataclass

from django.db.models import QuerySet

from affiliates.enums import AffiliateState
from affiliates.models import Affiliate
from affiliates.queries import employed_in
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import PrefillFile
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileVerdict,
)
from declarations.errors import PeriodNotOpen
from declarations.models import (
    Declaration,
    DeclarationLine,
    Prefill,
    ReceivedFile,
)
from declarations.rules import Expected
from portal.enums import JobState
from regulation.parameters import due_day, first_known_day
from regulation.periods import Period

LIVE = (DeclarationStatus.DRAFT.value, DeclarationStatus.SUBMITTED.value)
#: Up to this many people the form is proposed first; beyond, the file of the payroll software.
FORM_FIRST_UP_TO = 50
#: Months shown in the list of an affiliate.
MONTHS_SHOWN = 13
#: The day of the month from which its prefill is issued, as the fund does.
PREFILL_DAY = 27


def open_span(affiliate: Affiliate, today: datetime.date) -> tuple[Period, Period]:
    """First and last month that the affiliate may declare on `today`: the current month closes the span."""
    known = Period.from_day(first_known_day("ceiling.monthly"))
    return max(Period.from_day(affiliate.affiliated_on), known), Period.from_day(today)


def check_open(affiliate: Affiliate, period: Period, today: datetime.date) -> None:
    """Refuse with PeriodNotOpen a month outside `open_span`."""
    first, last = open_span(affiliate, today)
    if not first <= period <= last:
        raise PeriodNotOpen(period=period, first=first, last=last)


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
