"""What may be contested beside the lines of a slip: surcharges, penalties, payments, movements, refusals, findings."""

import datetime
import uuid
from collections.abc import Iterable
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affiliates.models import Affiliate
from certificates.enums import CertificateKind
from disputes import rules
from disputes.enums import Ground, Outcome, RefusedPaper, SubjectKind
from disputes.errors import AlreadyContested, PartOfNoAmount, TooMuchContested, UnknownLine
from disputes.models import Dispute, DisputedItem
from disputes.queries import subjects
from disputes.queries.disputes import thread_of
from disputes.rules import Subject
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from payments.enums import EntryKind
from payments.models import FilingPenalty, Hold, LedgerLine, PaymentSlip, Surcharge
from payments.queries import credit_of
from payments.queries.debits import free_dues
from payments.workflows.penalties import assess_filing_penalty, assess_surcharges
from portal.models import User
from regulation.enums import Branch
from regulation.money import from_cents
from regulation.periods import Period
from tests.cast import Cast
from tests.declarations.factories import send
from tests.disputes.factories import OPENED_AT, line_subject, slip_of
from tests.payments.debit_world import AT, authority, draft, side
from tests.payments.factories import pay, submitted
from tests.payments.factories import slip as owed_slip

pytestmark = pytest.mark.django_db

D = Decimal
LATE = datetime.date(2026, 2, 20)
NEXT = datetime.date(2026, 3, 20)


def contest(
    actor: User,
    affiliate: Affiliate,
    what: Iterable[tuple[Subject, str]],
    ground: Ground = Ground.OTHER,
    at: datetime.datetime = OPENED_AT,
) -> Dispute:
    return opening.open_dispute(
        actor=actor,
        affiliate=affiliate,
        intent=uuid.uuid4(),
        ground=ground,
        text="Ce n’est pas juste.",
        contested={subject: D(amount) for subject, amount in what},
        at=at,
    )


def ruled(clerk: User, dispute: Dispute, outcome: Outcome, granted: str = "0.00") -> None:
    workflows.take(actor=clerk, dispute_id=dispute.pk, at=OPENED_AT)
    workflows.decide(
        actor=clerk,
        dispute_id=dispute.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: rules.Ruling(outcome, D(granted)) for item in dispute.items.all()},
        reasons="Vérifié.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=OPENED_AT,
    )


@pytest.fixture
def surcharge(cast: Cast) -> Surcharge:
    """The first month of delay on a slip of 1,000.00 DH of January."""
    slip = owed_slip(cast.affiliate, amounts={Branch.PF: "1000.00"})
    (one, *_rest) = assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE)
    return one


@pytest.fixture
def penalty(cast: Cast) -> FilingPenalty:
    """A month filed three months late with two employees: 300.00 DH."""
    for period, day in ((Period(2025, 12), (2026, 1, 8)), (Period(2026, 1), (2026, 4, 25))):
        at = datetime.datetime(*day, 9, tzinfo=datetime.UTC)
        submitted(cast.affiliate, period, submitted_at=at)
    row = assess_filing_penalty(
        actor=None,
        affiliate_id=cast.affiliate.pk,
        period=Period(2026, 1),
        as_of=datetime.date(2026, 5, 12),
    )
    assert row is not None
    return row


def of(kind: SubjectKind, row: object) -> Subject:
    return Subject.of(kind, row.pk)  # type: ignore[attr-defined]


# ---------------------------------------------------------------- sums


def test_a_surcharge_is_held_by_its_contested_part_alone(cast: Cast, surcharge: Surcharge) -> None:
    dispute = contest(cast.owner, cast.affiliate, [(of(SubjectKind.SURCHARGE, surcharge), "10.00")])

    hold = Hold.objects.get()
    assert (hold.surcharge, hold.slip, hold.amount) == (surcharge, None, D("10.00"))
    (free,) = [
        row for row in free_dues(cast.affiliate) if row.due.code == surcharge.payment_reference
    ]
    assert (free.held, free.free) == (D("10.00"), surcharge.outstanding - D("10.00"))
    (share,) = thread_of(dispute, LATE).dues
    assert share.held + share.payable == surcharge.outstanding
    with pytest.raises(TooMuchContested):
        contest(
            cast.owner,
            cast.affiliate,
            [(of(SubjectKind.SURCHARGE, surcharge), str(surcharge.outstanding))],
        )


def test_a_surcharge_upheld_falls_once_and_no_later_month_asks_for_it_again(
    cast: Cast, surcharge: Surcharge
) -> None:
    again = owed_slip(cast.strangers_affiliate, amounts={Branch.PF: "1000.00"})
    assess_surcharges(actor=None, slip_id=again.pk, as_of=LATE)
    dispute = contest(
        cast.owner,
        cast.affiliate,
        [(of(SubjectKind.SURCHARGE, surcharge), str(surcharge.outstanding))],
    )
    ruled(cast.staff, dispute, Outcome.UPHELD)

    surcharge.refresh_from_db()
    assert surcharge.outstanding == 0
    assert not Hold.objects.filter(released_at__isnull=True).exists()
    (ours,) = assess_surcharges(actor=None, slip_id=surcharge.slip_id, as_of=NEXT)
    (theirs,) = assess_surcharges(actor=None, slip_id=again.pk, as_of=NEXT)
    assert ours.amount == theirs.amount
    call_command("check_ledger")


def test_a_penalty_already_paid_and_upheld_becomes_a_credit(
    cast: Cast, penalty: FilingPenalty
) -> None:
    before = credit_of(cast.affiliate)
    dispute = contest(cast.owner, cast.affiliate, [(of(SubjectKind.PENALTY, penalty), "300.00")])
    assert Hold.objects.get().filing_penalty == penalty
    ruled(cast.staff, dispute, Outcome.PARTLY_UPHELD, "120.00")

    penalty.refresh_from_db()
    assert (penalty.amount, penalty.outstanding) == (D("300.00"), D("180.00"))
    assert credit_of(cast.affiliate) == before
    # Raised again by nobody: what was called stays called.
    assess_filing_penalty(
        actor=None,
        affiliate_id=cast.affiliate.pk,
        period=Period(2026, 1),
        as_of=datetime.date(2026, 6, 12),
    )
    penalty.refresh_from_db()
    assert penalty.outstanding == D("180.00")
    (row,) = subjects.found(cast.affiliate, [of(SubjectKind.PENALTY, penalty)])
    assert row.remaining == D("180.00")
    call_command("check_ledger")


@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    line=st.integers(min_value=1, max_value=100_000),
    extra=st.integers(min_value=0, max_value=3_000),
    share=st.integers(min_value=0, max_value=100),
)
def test_hold_and_rest_make_every_due_of_a_dispute(
    cast: Cast, line: int, extra: int, share: int
) -> None:
    with transaction.atomic():
        slip = owed_slip(cast.affiliate, amounts={Branch.PF: "1000.00"})
        (one, *_rest) = assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE)
        called = one.outstanding
        surcharged = min(from_cents(extra), called)
        what = {line_subject(slip.lines.get()): from_cents(line)}
        if surcharged:
            what[of(SubjectKind.SURCHARGE, one)] = surcharged
        dispute = contest(
            cast.owner, cast.affiliate, [(subject, str(amount)) for subject, amount in what.items()]
        )
        dues = {(type(due.due), due.due.pk): due for due in thread_of(dispute, LATE).dues}
        for due in dues.values():
            assert due.held + due.payable == due.due.outstanding
        assert dues[PaymentSlip, slip.pk].held == from_cents(line)
        # The next month asks for the law's share of the part that is not held, and of nothing else.
        (second,) = assess_surcharges(actor=None, slip_id=slip.pk, as_of=NEXT) or [None]
        free = D("1000.00") - from_cents(line)
        assert (second is None) == (free == 0) or free < D("1.00")

        part = from_cents(line * share // 100)
        workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
        workflows.decide(
            actor=cast.staff,
            dispute_id=dispute.pk,
            intent=uuid.uuid4(),
            rulings={
                item.pk: rules.Ruling(Outcome.UPHELD)
                if item.surcharge_id
                else rules.Ruling(Outcome.PARTLY_UPHELD, part)
                if 0 < part < item.stake
                else rules.Ruling(Outcome.REFUSED)
                for item in dispute.items.all()
            },
            reasons="Vérifié.",
            legal_ground="Dahir n° 1-72-184, article 19",
            at=OPENED_AT,
        )
        slip.refresh_from_db()
        one.refresh_from_db()
        granted = part if 0 < part < from_cents(line) else D("0.00")
        assert slip.outstanding == D("1000.00") - granted
        assert one.outstanding == called - surcharged
        assert not Hold.objects.filter(released_at__isnull=True).exists()
        call_command("check_ledger")
        transaction.set_rollback(True)


# ---------------------------------------------------------------- as a whole


def test_a_payment_is_contested_as_a_whole_and_holds_nothing(cast: Cast) -> None:
    slip = owed_slip(cast.affiliate)
    line = pay(cast, slip, "60.00")
    subject = of(SubjectKind.PAYMENT, line.allocations.get())
    dispute = contest(cast.owner, cast.affiliate, [(subject, "0")], Ground.NOT_COUNTED)

    item = dispute.items.get()
    assert (item.amount, item.hold, str(item.label)) == (
        None,
        None,
        f"Paiement de 60,00 DH du {line.allocations.get().paid_on:%d/%m/%Y}, opération B1",
    )
    with pytest.raises(AlreadyContested):
        contest(cast.owner, cast.affiliate, [(subject, "0")], Ground.NOT_COUNTED)
    workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
    with pytest.raises(PartOfNoAmount):
        ruled(cast.staff, dispute, Outcome.PARTLY_UPHELD, "1.00")
    ruled(cast.staff, dispute, Outcome.UPHELD)
    item.refresh_from_db()
    assert (item.outcome, item.granted) == ("upheld", None)
    slip.refresh_from_db()
    assert slip.outstanding == D("40.00")


def test_a_movement_that_called_a_due_opens_on_that_due(cast: Cast, surcharge: Surcharge) -> None:
    def movement(kind: EntryKind) -> Subject:
        row = LedgerLine.objects.get(entry__kind=kind.value, account__affiliate=cast.affiliate)
        return of(SubjectKind.MOVEMENT, row)

    called = subjects.found(cast.affiliate, [movement(EntryKind.SLIP_ISSUED)])
    assert [row.subject for row in called] == [line_subject(surcharge.slip.lines.get())]
    called = subjects.found(cast.affiliate, [movement(EntryKind.SURCHARGE_ASSESSED)])
    assert [row.subject for row in called] == [of(SubjectKind.SURCHARGE, surcharge)]
    assert subjects.found(cast.strangers_affiliate, [movement(EntryKind.SLIP_ISSUED)]) == []


@pytest.mark.parametrize("paper", list(CertificateKind))
def test_the_refusal_of_every_paper_may_be_contested_under_its_own_name(
    cast: Cast, paper: CertificateKind
) -> None:
    assert RefusedPaper(paper.value).label == paper.label
    subject = Subject.of(SubjectKind.REFUSAL, f"paper.{paper.value}")
    dispute = contest(cast.owner, cast.affiliate, [(subject, "0")], Ground.WRONG_REFUSAL)
    assert dispute.items.get().label.facts == {"paper": paper.label}


@pytest.mark.parametrize(
    "subject",
    [
        Subject.of(SubjectKind.REFUSAL, "paper.gold"),
        Subject.of(SubjectKind.REFUSAL, "grace.999"),
        Subject.of(SubjectKind.REFUSAL, "refund.x"),
        Subject.of(SubjectKind.FINDING, 999),
        Subject.of(SubjectKind.MOVEMENT, 999),
        Subject.of(SubjectKind.LINE, "9" * 20),
    ],
)
def test_what_is_not_there_is_refused(cast: Cast, subject: Subject) -> None:
    with pytest.raises(UnknownLine):
        contest(cast.owner, cast.affiliate, [(subject, "1.00")])


@pytest.mark.parametrize("text", ["", "line", "line-", "gold-1", "line-1 OR 1", "LINE-1", "line-١"])
def test_an_address_that_names_nothing(text: str) -> None:
    assert Subject.parse(text) is None


def test_others_surcharges_and_payments_do_not_exist_in_ours(
    cast: Cast, surcharge: Surcharge
) -> None:
    client = Client()
    client.force_login(cast.stranger)
    number = cast.strangers_affiliate.affiliation_number
    for text in (f"surcharge-{surcharge.pk}", f"line-{surcharge.slip.lines.get().pk}"):
        page = reverse("disputes:open", args=[number]) + f"?objet={text}"
        assert client.get(page).status_code == 404


def test_several_things_of_several_months_are_one_dispute(cast: Cast, surcharge: Surcharge) -> None:
    other = owed_slip(cast.affiliate, Period(2026, 2), {Branch.PF: "70.00"})
    client = Client()
    client.force_login(cast.owner)
    page = reverse("disputes:open", args=[cast.affiliate.affiliation_number])
    line = line_subject(other.lines.get())
    address = f"{page}?objet=surcharge-{surcharge.pk}&objet={line}"
    assert client.get(address).status_code == 200
    answer = client.post(
        address,
        {
            "intent": str(uuid.uuid4()),
            "ground": "other",
            "text": "Deux mois sont faux.",
            f"amount_surcharge-{surcharge.pk}": "5",
            f"amount_{line}": "70",
        },
    )
    assert answer.status_code == 302
    amounts = DisputedItem.objects.values_list("kind", "amount").order_by("kind")
    assert list(amounts) == [("line", D("70.00")), ("surcharge", D("5.00"))]
    for language in ("fr", "ar"):
        client.cookies["django_language"] = language
        assert client.get(answer.url).status_code == 200
        assert client.get(page).status_code == 200


# ---------------------------------------------------------------- the last wall


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "surcharge"},
        {"amount": None},
        {"kind": "refusal", "amount": None, "slip_line": None},
        {"kind": "line", "key": "x"},
    ],
)
def test_the_database_keeps_items_to_one_subject(
    cast: Cast, slip: PaymentSlip, wrong: dict[str, object]
) -> None:
    dispute = contest(cast.owner, cast.affiliate, [(line_subject(slip.lines.get(rank=1)), "1.00")])
    row = {"dispute": dispute, "slip_line": slip.lines.get(rank=2), "amount": D("1.00")} | wrong
    with pytest.raises(IntegrityError), transaction.atomic():
        DisputedItem.objects.create(**row)


def test_a_hold_restrains_exactly_one_due(cast: Cast, surcharge: Surcharge) -> None:
    for wrong in (
        {},
        {"slip": surcharge.slip, "surcharge": surcharge},
        {"surcharge": surcharge, "slip_line": surcharge.slip.lines.get()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Hold.objects.create(amount=D("1.00"), reference="x", **wrong)


def test_a_debit_of_a_contested_surcharge_waits_and_goes_on_once_refused(
    cast: Cast, surcharge: Surcharge
) -> None:
    made = draft(cast, [surcharge], [(authority(cast), str(surcharge.outstanding))])
    (order,) = side.sign_order(
        actor=cast.owner, affiliate=cast.affiliate, intent=made[0].intent, at=AT
    )
    assert order.state == "planned"
    dispute = contest(
        cast.owner, cast.affiliate, [(of(SubjectKind.SURCHARGE, surcharge), "1.00")], at=AT
    )
    order.refresh_from_db()
    assert (order.state, order.cause) == ("suspended", "hold")

    workflows.withdraw(actor=cast.owner, dispute_id=dispute.pk, at=AT)
    order.refresh_from_db()
    assert order.state == "planned"
    call_command("check_ledger")


def test_a_finding_is_contested_without_what_was_read(cast: Cast) -> None:
    file = send(cast.owner, cast.affiliate, b"%PDF-1.4")
    client = Client()
    client.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    finding = file.findings.get()
    shown = client.get(reverse("declarations:file", args=[number, file.pk])).content.decode()
    assert f"?objet=finding-{finding.pk}" in shown
    address = reverse("disputes:open", args=[number]) + f"?objet=finding-{finding.pk}"
    page = client.get(address).content.decode()
    assert finding.code in page
    typed = {"intent": str(uuid.uuid4()), "ground": "wrong_refusal", "text": "Le fichier est bon."}
    assert client.post(address, typed).status_code == 302
    item = DisputedItem.objects.get()
    assert (item.kind, item.key, item.amount) == ("finding", str(finding.pk), None)
    client.force_login(cast.stranger)
    theirs = reverse("disputes:open", args=[cast.strangers_affiliate.affiliation_number])
    assert client.get(f"{theirs}?objet=finding-{finding.pk}").status_code == 404


def test_what_a_slip_calls_is_offered_line_by_line(cast: Cast) -> None:
    slip = slip_of(cast.affiliate)
    chosen = subjects.choices(cast.affiliate)
    ((found, rows),) = chosen.slips
    assert found == slip
    assert [row.subject for row in rows] == [line_subject(line) for line in slip.lines.all()]
