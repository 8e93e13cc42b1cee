"""Statements of banks in the demo: an agreed CFONB 120, an agreed MT940, a refused notice, each kind of answer."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile

from damancom.demo import world
from damancom.demo.files import Credit, camt_054
from damancom.demo.register import Register
from payments.enums import KeyScope, LineKind, SlipState
from payments.models import BankFile, BankLine, DebitRun, PaymentSlip
from payments.workflows import bank_files
from payments.workflows.bank_keys import issue_key
from payments.workflows.debits import runs
from payments.workflows.profiles import decide_profile, propose_profile
from portal import clock
from regulation.identifiers import creditor_reference, slip_reference
from regulation.money import ZERO, to_cents
from regulation.periods import Period

# How the Banque du Détroit names the fund's account: bank, branch, account.
_PLACE = ("91178", "00004", "21100077001")
_CFONB = {
    "encoding": "cp1252",
    "accounts": {"".join(_PLACE): world.bank("911").rib},
    "natures": {"18": "PMNT/RCDT/ESCT", "62": "ACMT/MDOP/CHRG"},
    "reasons": {"01": "AM04", "02": "AC04"},
}
_MT940 = {"encoding": "utf-8", "natures": {"NTRF": "PMNT/RCDT/ESCT", "NCHG": "ACMT/MDOP/CHRG"}}
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Movement:
    """One line of a statement; a debit is negative."""

    amount: Decimal
    bank_ref: str
    label: str
    payer: str = ""
    # The RF reference that the payer gave, or nothing.
    creditor_ref: str = ""


def live(register: Register, *, now: datetime.datetime) -> None:
    """What was agreed with each bank, then one statement of each, and a file that is refused whole."""
    _agree(register, now)
    detroit, oasis = world.bank("911"), world.bank("922")
    day = clock.day_of(now) - _DAY
    _send(register, detroit, f"releve-{day:%Y%m%d}.cfonb", cfonb_120(_detroit(day), day), now)
    _send(register, oasis, f"releve-{day:%Y%m%d}.mt940", mt940(_oasis(day), oasis.rib, day), now)
    notice = camt_054(
        [Credit(f"911{day:%y%m%d}9001", Decimal("640.00"), "STE ATLANTIS", text="COTISATIONS")],
        message_id=f"911-{day:%Y%m%d}-054-2",
        rib=detroit.rib,
        day=day,
    )
    wrong = notice.replace(b"<Sum>640", b"<Sum>646")
    _send(register, detroit, f"911-{day:%Y%m%d}-054-2.xml", wrong, now)
    issue_key(
        actor=register.supervisor,
        bank=register.banks[detroit.code],
        label="Dépôt de nuit",
        scopes=[KeyScope.SEND, KeyScope.READ],
        networks=["127.0.0.0/8", "::1/128", "192.0.2.0/24"],
        days=365,
        at=now - 40 * _DAY,
    )
    # The bank has the first run of orders in hand; the last one waits for it.
    first = DebitRun.objects.order_by("pk").first()
    if first is not None:
        runs.take_run(actor=register.user(detroit.user), run=first, at=now - 18 * _DAY)


def _agree(register: Register, now: datetime.datetime) -> None:
    """Two profiles that hold, and one that waits for the visitor's decision."""
    since, at = clock.day_of(now) - 60 * _DAY, now - 64 * _DAY
    deputy = register.user(world.DEPUTY)
    for code, data in (("911", _CFONB), ("922", _MT940)):
        proposed = propose_profile(
            actor=deputy,
            bank=register.banks[code],
            data=data,
            agreement=f"Convention {code}-2026-01",
            effective_from=since,
            at=at,
        )
        decide_profile(
            actor=register.supervisor, profile_id=proposed.pk, approve=True, at=at + _DAY
        )
    propose_profile(
        actor=deputy,
        bank=register.banks["922"],
        data={**_MT940, "reasons": {"01": "AM04", "02": "AC04"}},
        agreement="Convention 922-2026-02",
        effective_from=clock.day_of(now) + 15 * _DAY,
        at=now - 2 * _DAY,
    )


def _detroit(day: datetime.date) -> list[Movement]:
    """A part of a debt, the reference of the month before, a mistyped one, one that nobody has, a known line, a fee."""
    garage = PaymentSlip.objects.filter(
        affiliate__affiliation_number=world.firm("garage").number, state=SlipState.PARTLY_PAID.value
    ).first()
    owed, paid = PaymentSlip.objects.filter(
        affiliate__affiliation_number=world.firm("hairdresser").number
    ).order_by("-period")[:2]
    good = slip_reference(world.firm("bakery").number, Period.from_day(paid.period))
    rf, ref = creditor_reference, f"911{day:%y%m%d}"
    found = [
        Movement(
            owed.total, f"{ref}8002", "VIREMENT RECU", "COIFFURE YASMINA", rf(paid.payment_reference)
        ),
        Movement(
            Decimal("1180.00"), f"{ref}8003", f"VIR {good[:-1]}{(int(good[-1]) + 1) % 10}", "ETS BENNIS"
        ),
        Movement(Decimal("912.40"), f"{ref}8004", "VIREMENT RECU", "SARL TIFAWIN", rf(_unknown(paid))),
        Movement(Decimal("-36.30"), f"{ref}8005", "FRAIS DE TENUE DE COMPTE"),
    ]  # fmt: skip
    if garage is not None:
        found.insert(
            0,
            Movement(
                Decimal("1000.00"), f"{ref}8001", "VIREMENT RECU", "GARAGE DES TROIS ROUTES",
                rf(garage.payment_reference),
            ),
        )  # fmt: skip
    return [*found, *_known("911")]


def _oasis(day: datetime.date) -> list[Movement]:
    """A transfer whose payer wrote nothing useful, a known line, a fee."""
    ref = f"922{day:%y%m%d}"
    return [
        Movement(Decimal("2450.00"), f"{ref}8001", "VIREMENT MME ZAHRA COTISATIONS"),
        *_known("922"),
        Movement(Decimal("-18.15"), f"{ref}8002", "COMMISSION"),
    ]


def _unknown(like: PaymentSlip) -> str:
    """A well-formed reference of a month that nobody declared."""
    return slip_reference(world.firm("bakery").number, Period.from_day(like.period) - 30)


def _known(code: str) -> Iterable[Movement]:
    """The last transfer that this bank had notified: its statement tells it again."""
    last = BankLine.objects.filter(bank_file__bank__code=code, kind=LineKind.CREDIT.value)
    for line in last.exclude(end_to_end__startswith="T").order_by("-booking_day", "rank")[:1]:
        yield Movement(line.amount, line.bank_ref, "VIREMENT DEJA NOTIFIE", line.payer_name)


def _send(
    register: Register, house: world.BankHouse, name: str, content: bytes, now: datetime.datetime
) -> BankFile:
    at = now - datetime.timedelta(hours=14)
    received = bank_files.receive(
        actor=register.user(house.user),
        at=at,
        bank=register.banks[house.code],
        upload=SimpleUploadedFile(name, content),
    )
    bank_files.import_file(bank_file_id=received.bank_file.pk, at=at)
    received.bank_file.refresh_from_db()
    return received.bank_file


# -- formats -----------------------------------------------------------------------------------


def cfonb_120(movements: Iterable[Movement], day: datetime.date) -> bytes:
    """A CFONB 120 statement of the fund's account at the Banque du Détroit (docs/formats/cfonb.md)."""
    opening = Decimal("52440.00")
    records = [_record("01", opening, day - _DAY)]
    total = opening
    for one in movements:
        total += one.amount
        code = "18" if one.amount > 0 else "62"
        records.append(
            _record(
                "04", one.amount, day, at33=code, at43=f"{day:%d%m%y}", at49=one.label[:31],
                at105=one.bank_ref,
            )
        )  # fmt: skip
        for qualifier, text in (("LCS", one.creditor_ref), ("NPY", one.payer)):
            if text:
                records.append(_record("05", None, day, at46=qualifier, at49=text[:70]))
    records.append(_record("07", total, day))
    return ("\r\n".join(records) + "\r\n").encode("cp1252")


def _record(code: str, amount: Decimal | None, day: datetime.date, **zones: str) -> str:
    """One record of 120 characters; a zone is named by its first position."""
    bank, branch, account = _PLACE
    zones = {
        "at1": code, "at3": bank, "at12": branch, "at17": "MAD", "at20": "2", "at22": account,
        "at35": f"{day:%d%m%y}", **zones,
    }  # fmt: skip
    if amount is not None:
        zones["at91"] = _overpunched(to_cents(amount))
    record = [" "] * 120
    for place, text in zones.items():
        start = int(place.removeprefix("at")) - 1
        record[start : start + len(text)] = text
    return "".join(record)


def _overpunched(cents: int) -> str:
    """Fourteen characters, the last one carrying the sign."""
    figures = f"{abs(cents):014}"
    return figures[:13] + ("{ABCDEFGHI" if cents >= 0 else "}JKLMNOPQR")[int(figures[13])]


def mt940(movements: Iterable[Movement], rib: str, day: datetime.date) -> bytes:
    """An MT940 statement (docs/formats/mt940.md)."""
    listed = list(movements)
    opening = Decimal("18200.00")
    closing = opening + sum((one.amount for one in listed), ZERO)
    lines = [
        f":20:{day:%y%m%d}",
        f":25:{rib}",
        f":28C:{day.timetuple().tm_yday:05}/001",
        f":60F:C{day - _DAY:%y%m%d}MAD{_comma(opening)}",
    ]
    for one in listed:
        mark, kind = ("C", "NTRF") if one.amount > 0 else ("D", "NCHG")
        lines.append(
            f":61:{day:%y%m%d}{day:%m%d}{mark}{_comma(abs(one.amount))}{kind}NONREF//{one.bank_ref}"
        )
        lines.append(f":86:{one.label}")
    lines.append(f":62F:C{day:%y%m%d}MAD{_comma(closing)}")
    return "\n".join([*lines, "-", ""]).encode()


def _comma(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")
