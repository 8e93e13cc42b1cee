"""Twelve months of the demo's firms, lived through the workflows at the instants where each act would happen.

The story is a list of dated acts, sorted and played once. Habits differ: most pay on the due day; the garage is
often late, the riad contests, the clinic pays a month twice, a transfer of Atlas Maille comes without its reference.
"""

import datetime
import io
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from django.core.files.uploadedfile import SimpleUploadedFile

from affiliates import workflows as register_of_people
from affiliates.models import Employment
from damancom.demo import files, world
from damancom.demo.files import Credit
from damancom.demo.register import Register, enter
from declarations import workflows as declaring
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import PrefillFile
from declarations.enums import DeclarationKind, FileVerdict
from declarations.models import Declaration, ReceivedFile
from payments.enums import BankFileVerdict
from payments.models import PaymentSlip, Surcharge
from payments.workflows import bank_files, penalties, slips
from portal import clock
from portal.clock import CASABLANCA
from regulation.money import round_half_up
from regulation.parameters import due_day
from regulation.periods import Period


@dataclass(frozen=True)
class Payment:
    """How one slip is paid: so many days after its due day, a share of it, said how."""

    days_late: int = -1
    share: Decimal = Decimal(1)
    # Instead of the payment code: what the payer wrote.
    text: str = ""


# By firm and months back from the last one (0). A firm and month absent here pays in full the day before it is due.
HABITS: dict[str, dict[int, tuple[Payment, ...]]] = {
    "hairdresser": {0: ()},
    "garage": {
        2: (Payment(share=Decimal("0.4")),),
        5: (Payment(days_late=19),),
        8: (Payment(days_late=50),),
    },
    "riad": {
        1: (Payment(share=Decimal("0.7")),),
        3: (Payment(share=Decimal("1.05")),),
    },
    "clinic": {2: (Payment(), Payment(days_late=2))},
    "textile": {
        1: (Payment(text="COTISATIONS SOCIALES ATLAS MAILLE"),),
    },
}

# By firm and months back: how many days after the due day it declares. Elsewhere everyone declares in time.
FILED_LATE: dict[str, dict[int, int]] = {"garage": {5: 4}}


# The clinic forgot who came in that month: a supplementary declaration followed.
FORGOTTEN = ("clinic", 4)
# The clinic had counted a bonus twice that month: it corrected the wage once the month was paid.
CORRECTED = ("clinic", 6)
COUNTED_TWICE = Decimal(500)
# The garage paid what its longest delay had cost.
SURCHARGES_PAID = ("garage", 8)


class Impossible(Exception):
    """The story does not hold: a file that should pass does not. A fault of the demo, never of the visitor."""


Act = Callable[[datetime.datetime], None]


@dataclass
class Story:
    """Acts by instant. Those planned after ``now`` are played at ``now``, in their order."""

    now: datetime.datetime
    acts: list[tuple[datetime.datetime, int, Act]] = field(default_factory=list)

    def plan(self, day: datetime.date, hour: int, minute: int, act: Act) -> None:
        """Do ``act`` on this Moroccan day and hour."""
        at = datetime.datetime.combine(day, datetime.time(hour, minute), CASABLANCA)
        self.acts.append((at.astimezone(datetime.UTC), len(self.acts), act))

    def play(self) -> None:
        """Every act once, in the order of time."""
        for at, _, act in sorted(self.acts, key=lambda planned: planned[:2]):
            act(min(at, self.now))


class History:
    """The months of every firm, one after the other."""

    def __init__(self, register: Register, *, now: datetime.datetime) -> None:
        self.register = register
        self.now = now
        self.story = Story(now)
        self.notices: dict[tuple[str, datetime.date], list[Credit]] = defaultdict(list)

    def live(self) -> None:
        """Plan and play everything up to now."""
        months = self.register.first_month.months_until(self.register.last_month)
        for rank in range(months + 1):
            period = self.register.first_month + rank
            for order, firm in enumerate(world.FIRMS):
                self._plan_month(firm, period, order)
            self._plan_surcharges(period)
        # The letters of the last due day, so that « Mes préférences » has some to show.
        reminded_on = due_day(self.register.last_month) - datetime.timedelta(days=4)
        self.story.plan(reminded_on, 8, 20, lambda at: declaring.send_reminders(at=at))
        self.story.play()

    # -- one month of one firm ---------------------------------------------------------------

    def _plan_month(self, firm: world.Firm, period: Period, order: int) -> None:
        due_on = due_day(period)
        self.story.plan(
            period.last_day - datetime.timedelta(days=3),
            7,
            order,
            partial(self.issue_prefill, firm, period),
        )
        back = period.months_until(self.register.last_month)
        days_late = FILED_LATE.get(firm.key, {}).get(back, -2 - order)
        filed_on = due_on + datetime.timedelta(days=days_late)
        self.story.plan(filed_on, 10, 5 * order, partial(self._declare, firm, period))
        if (firm.key, back) == FORGOTTEN:
            self._plan_paid(firm, due_on, 6, partial(self._declare_forgotten, firm, period))
        if (firm.key, back) == CORRECTED:
            self.story.plan(
                due_on + datetime.timedelta(days=40), 11, 0, partial(self._correct, firm, period)
            )
        if (firm.key, back) == SURCHARGES_PAID:
            self._plan_paid(firm, due_on, 70, partial(self._pay_surcharges, firm, period))
        for payment in HABITS.get(firm.key, {}).get(back, (Payment(),)):
            day = due_on + datetime.timedelta(days=payment.days_late)
            if clock.day_of(self.now) < day:
                continue  # not yet paid, as in life
            self.story.plan(day, 12, order, partial(self._pay, firm, period, payment))
            self._plan_notice(firm.bank, day)

    def _plan_paid(self, firm: world.Firm, due_on: datetime.date, days_late: int, act: Act) -> None:
        """Plan an act that ends in a payment, and the bank's notice of it."""
        day = due_on + datetime.timedelta(days=days_late)
        self.story.plan(day, 12, 0, act)
        self._plan_notice(firm.bank, day)

    def issue_prefill(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        declaring.issue_prefill(
            actor=None, at=at, affiliate=self.register.affiliates[firm.key], period=period
        )

    def payroll(self, firm: world.Firm, period: Period, *, careless: bool = False) -> files.Payroll:
        """The file of a firm for a month whose prefill is issued; right unless ``careless``."""
        jobs = self.register.jobs[firm.key]
        if (firm.key, period.months_until(self.register.last_month)) == FORGOTTEN:
            jobs = [job for job in jobs if Period.from_day(job.started_on) != period]
        return files.declaration(self._prefill(firm, period), jobs, careless=careless)

    def _prefill(self, firm: world.Firm, period: Period) -> PrefillFile:
        prefill = self.register.affiliates[firm.key].prefills.get(period=period.first_day)
        return prefill_codec.read(io.BytesIO(bytes(prefill.content)))

    def send(
        self, firm: world.Firm, period: Period, name: str, content: bytes, at: datetime.datetime
    ) -> ReceivedFile:
        """Upload a file for a month and let it be checked at once."""
        received, _ = declaring.receive_file(
            actor=self.register.declarant(firm),
            at=at,
            affiliate=self.register.affiliates[firm.key],
            period=period,
            name=name,
            chunks=[content],
        )
        return declaring.check_file(file_id=received.pk, at=at)

    def _declare(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        self._file(firm, period, self.payroll(firm, period), at)
        self._follow_people(firm, period, at)

    def _declare_forgotten(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        """A supplementary declaration for those the main one left out, and its payment at once."""
        forgotten = [
            job for job in self.register.jobs[firm.key] if Period.from_day(job.started_on) == period
        ]
        payroll = files.supplement(self._prefill(firm, period), forgotten, number=1)
        slip = self._file(firm, period, payroll, at)
        self._credit(firm, slip.payment_reference, slip.total, at)

    def _file(
        self, firm: world.Firm, period: Period, payroll: files.Payroll, at: datetime.datetime
    ) -> PaymentSlip:
        """Send, submit and have the slip issued: the story has no room for a fault here."""
        received = self.send(firm, period, payroll.name, payroll.content, at)
        if received.verdict != FileVerdict.ACCEPTED:
            found = list(received.findings.values_list("code", "line_number", "value")[:5])
            raise Impossible(f"{firm.key} {period}: {received.verdict} {found}")
        draft = Declaration.objects.get(received_file=received)
        submitted = declaring.submit(
            actor=self.register.declarant(firm), at=at, declaration=draft, version=draft.version
        )
        return slips.issue_slip(actor=None, declaration_id=submitted.pk, at=at)

    def _correct(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        """One wage of a month that is paid falls, on the screen; what it had cost becomes credit."""
        filed = Declaration.objects.get(
            affiliate=self.register.affiliates[firm.key],
            period=period.first_day,
            kind=DeclarationKind.MAIN.value,
        )
        actor = self.register.declarant(firm)
        draft = declaring.open_correction(actor=actor, at=at, declaration=filed)
        best_paid = draft.lines.order_by("-gross_wage", "rank")[0]
        wage = f"{best_paid.gross_wage - COUNTED_TWICE:.2f}"
        draft = declaring.save_form(
            actor=actor,
            declaration=draft,
            version=draft.version,
            cells={best_paid.pk: {"wage": wage}},
        )
        draft = declaring.submit(actor=actor, at=at, declaration=draft, version=draft.version)
        slips.issue_slips(actor=None, declaration_ids=[draft.pk], at=at)

    def _follow_people(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        """The agency registers who came and who left, as the declaration says."""
        affiliate, clerk = self.register.affiliates[firm.key], self.register.supervisor
        for job in self.register.jobs[firm.key]:
            if Period.from_day(job.started_on) == period:
                enter(job, affiliate=affiliate, actor=clerk, at=at)
            if job.left_on is not None and Period.from_day(job.left_on) == period:
                employment = Employment.objects.get(
                    affiliate=affiliate, employee__registration_number=job.registration_number
                )
                register_of_people.end_employment(
                    actor=clerk, at=at, employment=employment, ended_on=job.left_on
                )

    # -- money -------------------------------------------------------------------------------

    def _pay(self, firm: world.Firm, period: Period, how: Payment, at: datetime.datetime) -> None:
        slip = PaymentSlip.objects.get(
            affiliate=self.register.affiliates[firm.key],
            period=period.first_day,
            declaration__kind=DeclarationKind.MAIN.value,
        )
        amount = round_half_up(slip.total * how.share)
        self._credit(firm, slip.payment_reference, amount, at, text=how.text)

    def _pay_surcharges(self, firm: world.Firm, period: Period, at: datetime.datetime) -> None:
        owed = Surcharge.objects.filter(
            slip__affiliate=self.register.affiliates[firm.key],
            slip__period=period.first_day,
            outstanding__gt=0,
        )
        for surcharge in owed.order_by("month_number"):
            self._credit(firm, surcharge.payment_reference, surcharge.outstanding, at)

    def _credit(
        self, firm: world.Firm, code: str, amount: Decimal, at: datetime.datetime, text: str = ""
    ) -> None:
        """One transfer of the day; what the payer wrote instead of the code, if anything."""
        day = clock.day_of(at)
        rank = len(self.notices[firm.bank, day]) + 1
        self.notices[firm.bank, day].append(
            Credit(
                bank_ref=f"{firm.bank}{day:%y%m%d}{rank:04}",
                amount=amount,
                payer=firm.name,
                code="" if text else code,
                text=text,
                structured=rank % 2 == 1,
            )
        )

    def _plan_notice(self, bank: str, day: datetime.date) -> None:
        self.story.plan(day, 18, 0, partial(self._notify, bank))

    def _notify(self, bank: str, at: datetime.datetime) -> None:
        """One notice a day and a bank, however many payments it holds."""
        day = clock.day_of(at)
        credits = self.notices.pop((bank, day), [])
        if not credits:
            return
        house = world.bank(bank)
        message_id = f"{bank}-{day:%Y%m%d}-054"
        content = files.camt_054(credits, message_id=message_id, rib=house.rib, day=day)
        received = bank_files.receive(
            actor=self.register.user(house.user),
            at=at,
            bank=self.register.banks[bank],
            upload=SimpleUploadedFile(f"{message_id}.xml", content),
        )
        bank_files.import_file(bank_file_id=received.bank_file.pk, at=at)
        received.bank_file.refresh_from_db()
        if received.bank_file.verdict != BankFileVerdict.ACCEPTED:
            raise Impossible(f"{message_id}: {received.bank_file.faults}")

    def _plan_surcharges(self, period: Period) -> None:
        day = due_day(period) + datetime.timedelta(days=6)
        if day > clock.day_of(self.now):
            return
        self.story.plan(day, 6, 0, self._assess)

    def _assess(self, at: datetime.datetime) -> None:
        as_of = clock.day_of(at) - penalties.GRACE
        for slip in penalties.late_slips(as_of):
            penalties.assess_surcharges(actor=None, slip_id=slip.pk, as_of=as_of)
        for affiliate_id, period in penalties.filings_due(as_of):
            penalties.assess_filing_penalty(
                actor=None, affiliate_id=affiliate_id, period=period, as_of=as_of
            )
