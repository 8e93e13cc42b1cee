"""Issuing the prefill of a month (préétabli)."""

import datetime
import io

from django.db import transaction

from affiliates.models import Affiliate
from affiliates.queries import employed_in
from declarations import queries
from declarations.codecs import prefill as codec
from declarations.codecs.e_bds import AWAITING_NUMBER, OCCASIONAL_LABOUR
from declarations.codecs.fixed_width import ALPHABET, FieldOverflow, transliterate
from declarations.codecs.prefill import PrefillLine
from declarations.codecs.records import AffiliateHeader
from declarations.enums import LineSituation
from declarations.errors import TooWideForPrefill
from declarations.models import Prefill
from portal import audit, clock
from portal.models import User
from regulation.identifiers import transfer_identifier
from regulation.parameters import due_day
from regulation.periods import Period


@transaction.atomic
def issue_prefill(
    *, actor: User | None, at: datetime.datetime, affiliate: Affiliate, period: Period
) -> Prefill:
    """Write the prefill of a month from employments and the last declaration; its bytes are kept.

    A prefill already issued is given back as it is: an employer may have built upon it. Refuses a month
    that is not open (PeriodNotOpen) and a register that does not fit the format (TooWideForPrefill).
    """
    queries.check_open(affiliate, period, clock.day_of(at))
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    existing = Prefill.objects.filter(affiliate=affiliate, period=period.first_day).first()
    if existing is not None:
        return existing
    issued_on, due_on = clock.day_of(at), due_day(period)
    identifier = transfer_identifier(affiliate.affiliation_number, period)
    header = AffiliateHeader(
        affiliation_number=affiliate.affiliation_number,
        period=period.compact,
        company_name=_written(affiliate.name, 40),
        activity=_written(affiliate.activity, 40),
        address=_written(affiliate.address, 120),
        city=_written(affiliate.city, 20),
        postal_code=_written(affiliate.postal_code, 6),
        agency_code=affiliate.agency.code,
        issued_on=f"{issued_on:%Y%m%d}",
        due_on=f"{due_on:%Y%m%d}",
    )
    lines = expected_people(affiliate, period)
    content = io.BytesIO()
    try:
        for record in codec.write(transfer_identifier=identifier, header=header, lines=lines):
            content.write(record)
    except FieldOverflow as overflow:
        raise TooWideForPrefill(period=period, detail=str(overflow)) from overflow
    prefill = Prefill.objects.create(
        affiliate=affiliate,
        period=period.first_day,
        transfer_id=identifier,
        issued_on=issued_on,
        due_on=due_on,
        employee_count=len(lines),
        content=content.getvalue(),
    )
    audit.record(
        actor=actor,
        action="declarations.prefill.issued",
        subject=prefill,
        affiliation_number=affiliate.affiliation_number,
        period=str(period),
        employees=len(lines),
    )
    return prefill


def expected_people(affiliate: Affiliate, period: Period) -> list[PrefillLine]:
    """Whom the fund expects: those employed in the month, and those declared the month before who stayed.

    Family allowances are zero: this portal does not settle them, as in the prefills issued in 2026.
    """
    keys = (affiliate.affiliation_number, period.compact)
    people: dict[str, PrefillLine] = {}
    left_before = set()
    for employment in employed_in(affiliate, period.previous().first_day, period.last_day):
        employee = employment.employee
        number = employee.registration_number
        if number is None:
            continue
        if employment.ended_on is not None and employment.ended_on < period.first_day:
            left_before.add(number)
            continue
        name = _written(employee.last_name, 30).ljust(30) + _written(employee.first_name, 30)
        children = min(employment.children, 99)
        people[number] = PrefillLine(*keys, number, name.rstrip(), children, 0, 0, 0)
    for line in queries.declared_lines(affiliate, period.previous()):
        number = line.registration_number
        known = number in people or number in left_before
        special = number in (AWAITING_NUMBER, OCCASIONAL_LABOUR)
        gone = line.situation in (LineSituation.LEFT, LineSituation.DECEASED)
        if not (known or special or gone):
            name = _written(line.full_name, 60)
            people[number] = PrefillLine(*keys, number, name, min(line.children, 99), 0, 0, 0)
    # Who said last month that someone left is believed, unless an employment began since.
    for line in queries.declared_lines(affiliate, period.previous()):
        if line.situation in (LineSituation.LEFT, LineSituation.DECEASED):
            people.pop(line.registration_number, None)
    return [people[number] for number in sorted(people)]


def _written(text: str, width: int) -> str:
    """The text in the alphabet of the format, at most `width` columns, inner runs of blanks kept."""
    plain = transliterate(text)
    return "".join(c if c in ALPHABET else " " for c in plain)[:width].rstrip()
