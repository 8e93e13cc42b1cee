"""The files that the people of the demo send: declarations, right and wrong, and notices of banks."""

import datetime
import io
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

from damancom.demo.people import Job, Month, month_of, works_in
from declarations import sheet_template
from declarations.codecs import e_bds
from declarations.codecs.prefill import PrefillFile
from declarations.codecs.records import AffiliateHeader
from declarations.rules import Examination, Expected
from portal import exports
from portal.exports import Value
from regulation.contributions import WageLine
from regulation.identifiers import creditor_reference
from regulation.money import from_cents, to_cents
from regulation.parameters import value_at
from regulation.periods import Period

ABSENT = Month(0, Decimal("0.00"), "SO")


@dataclass(frozen=True)
class Payroll:
    """A month of wages ready to be sent: the file and what it adds up to."""

    name: str
    content: bytes
    wages: tuple[WageLine, ...]


def workbook(payroll: Payroll, *, careless: bool = False) -> bytes:
    """The same month in the spreadsheet of its page; a ``careless`` one has 31 days and a letter of the paper form."""
    rows: list[list[Value]] = []
    for line in Examination(Expected()).run(io.BytesIO(payroll.content)):
        row: list[Value] = [line.affiliation_number, int(line.period), line.registration_number]
        row += [line.name[:30].strip(), line.name[30:].strip()]
        if isinstance(line, e_bds.PrefilledLine):
            allowances = (line.af_payable, line.af_deducted, line.af_net)
            row += [None, line.children, *map(from_cents, allowances)]
            situation = line.situation or None
        else:
            row += [line.cin, None, None, None, None]
            situation = None
        row += [line.days_declared, from_cents(line.gross_wage), situation]
        rows.append(row)
    if careless:
        rows[0][10], rows[1][12] = 31, "CO"
    stream = io.BytesIO()
    exports.write_xlsx(
        stream, title="Salaires", columns=sheet_template.columns(), rows=map(tuple, rows)
    )
    return stream.getvalue()


def capped(gross: Decimal, period: Period) -> Decimal:
    """The part of a wage under the ceiling of the month."""
    return min(gross, value_at("ceiling.monthly", period.first_day).value)


def declaration(prefill: PrefillFile, jobs: Iterable[Job], *, careless: bool = False) -> Payroll:
    """The conforming DS file that answers ``prefill`` with the wages of ``jobs``.

    Everyone prefilled comes back, those who work elsewhere now as left; those who work here and are not prefilled
    are new hires. A ``careless`` one adds up but declares nonsense: a capped wage under what it should be on the
    first line, a wage without a day of work on the second.
    """
    header = prefill.header
    period = Period.parse(header.period)
    at_work = {job.registration_number: job for job in jobs if works_in(job, period)}
    wages: list[WageLine] = []
    lines: list[e_bds.PrefilledLine] = []
    for number in sorted(prefill.lines):
        known = prefill.lines[number]
        job = at_work.pop(number, None)
        month = month_of(job, period) if job else ABSENT
        under_ceiling = capped(month.gross_wage, period)
        days = month.days
        if careless and not lines:
            under_ceiling -= 100
        elif careless and len(lines) == 1:
            days = 0
        lines.append(
            e_bds.prefilled_line(
                known,
                days_declared=days,
                gross_wage=to_cents(month.gross_wage),
                capped_wage=to_cents(under_ceiling),
                situation=month.situation,
                af_returned=known.af_net if month.situation in ("SO", "DE") else 0,
            )
        )
        wages.append(WageLine(month.gross_wage))
    hires = [_new_hire(header, job) for _, job in sorted(at_work.items())]
    wages += [WageLine(month_of(job, period).gross_wage) for job in at_work.values()]
    content = b"".join(
        e_bds.write(
            transfer_identifier=prefill.transfer_identifier,
            header=header,
            lines=lines,
            new_hires=hires,
        )
    )
    name = e_bds.file_name(header.affiliation_number, header.period)
    return Payroll(name, content, tuple(wages))


def supplement(prefill: PrefillFile, jobs: Iterable[Job], *, number: int) -> Payroll:
    """The supplementary file (DSC) of those whom the main declaration left out."""
    header = prefill.header
    listed = sorted(jobs, key=lambda job: job.registration_number)
    content = b"".join(
        e_bds.write(
            transfer_identifier=prefill.transfer_identifier,
            header=header,
            new_hires=[_new_hire(header, job) for job in listed],
            supplement_number=number,
        )
    )
    period = Period.parse(header.period)
    return Payroll(
        e_bds.file_name(header.affiliation_number, header.period, supplement_number=number),
        content,
        tuple(WageLine(month_of(job, period).gross_wage) for job in listed),
    )


def _new_hire(header: AffiliateHeader, job: Job) -> e_bds.NewHireLine:
    period = Period.parse(header.period)
    month = month_of(job, period)
    return e_bds.new_hire_line(
        header,
        registration_number=job.registration_number,
        name=job.full_name,
        cin=job.cin,
        days_declared=month.days,
        gross_wage=to_cents(month.gross_wage),
        capped_wage=to_cents(capped(month.gross_wage, period)),
    )


def with_faults(content: bytes) -> bytes:
    """The same file as a careless program would write it.

    CR LF and cut blanks are tolerated with a warning. What refuses it whole: the capped wage of the first line equal
    to the real one, a day too many on the second, a paper situation code on the third, and a total of real wages a
    dirham off. On a file of two people the third fault has no line to fall on.
    """
    records = content.decode("ascii").splitlines()
    people = [rank for rank, text in enumerate(records) if text.startswith("B02")]
    if people:
        first = records[people[0]]
        records[people[0]] = f"{first[:126]}{700_000:09}{first[135:]}"
    if len(people) > 1:
        second = records[people[1]]
        records[people[1]] = f"{second[:111]}27{second[113:]}"
    if len(people) > 2:
        third = records[people[2]]
        records[people[2]] = f"{third[:135]}ML{third[137:]}"
    for rank, text in enumerate(records):
        if text.startswith("B03"):
            total = int(text[97:112]) + 100
            records[rank] = f"{text[:97]}{total:015}{text[112:]}"
    return as_saved_on_windows("\n".join(records).encode("ascii"))


def as_saved_on_windows(content: bytes) -> bytes:
    """The same records with CR LF and their trailing blanks cut."""
    return b"".join(text.rstrip() + b"\r\n" for text in content.splitlines())


@dataclass(frozen=True)
class Credit:
    """One transfer that a bank booked on the fund's account."""

    bank_ref: str
    amount: Decimal
    payer: str
    # The payment code the payer gave, or nothing.
    code: str = ""
    # What the payer wrote when there is no code.
    text: str = ""
    structured: bool = True


def camt_054(credits: Iterable[Credit], *, message_id: str, rib: str, day: datetime.date) -> bytes:
    """A camt.054.001.08 notice of booked credits on ``rib``, with its control totals (bank-files §3.5)."""
    listed = list(credits)
    total = sum((credit.amount for credit in listed), Decimal("0.00"))
    instant = f"{day.isoformat()}T18:00:00+01:00"
    entries = "".join(_entry(credit, day) for credit in listed)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">'
        "<BkToCstmrDbtCdtNtfctn>"
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{instant}</CreDtTm></GrpHdr>"
        f"<Ntfctn><Id>{message_id}-1</Id><CreDtTm>{instant}</CreDtTm>"
        f"<Acct><Id><Othr><Id>{rib}</Id></Othr></Id><Ccy>MAD</Ccy></Acct>"
        f"<TxsSummry><TtlNtries><NbOfNtries>{len(listed)}</NbOfNtries><Sum>{total}</Sum></TtlNtries>"
        f"<TtlCdtNtries><NbOfNtries>{len(listed)}</NbOfNtries><Sum>{total}</Sum></TtlCdtNtries></TxsSummry>"
        f"{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n"
    ).encode()


def _entry(credit: Credit, day: datetime.date) -> str:
    remittance = ""
    if credit.code and credit.structured:
        remittance = (
            f"<Strd><CdtrRefInf><Ref>{creditor_reference(credit.code)}</Ref></CdtrRefInf></Strd>"
        )
    elif credit.code:
        remittance = f"<Ustrd>{escape(credit.text or 'COTISATIONS CNSS')} {credit.code}</Ustrd>"
    elif credit.text:
        remittance = f"<Ustrd>{escape(credit.text)}</Ustrd>"
    return (
        f'<Ntry><Amt Ccy="MAD">{credit.amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>{credit.bank_ref}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{credit.bank_ref}</AcctSvcrRef>"
        "<EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f'<Amt Ccy="MAD">{credit.amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<RltdPties><Dbtr><Pty><Nm>{escape(credit.payer)}</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls></Ntry>"
    )
