"""A month of the whole country, seeded: employers of every size, what the fund expects of them, what they send."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from declarations.codecs import e_bds, prefill
from declarations.codecs.e_bds import PrefilledLine
from declarations.codecs.prefill import PrefillLine
from declarations.codecs.records import AffiliateHeader
from regulation.identifiers import (
    complete_affiliation_number,
    complete_registration_number,
    transfer_identifier,
)
from regulation.periods import Period

#: Per cent of the employers, fewest and most people: 12 on average, as 3.3 million people of 270,000 employers.
SIZES = ((63, 1, 3), (24, 4, 10), (6, 11, 20), (4, 21, 50), (2, 51, 200), (1, 201, 680))
PERIOD = Period(2026, 1)
DUE_ON = date(2026, 2, 10)
CEILING = 600_000  # centimes
SEED = 20_260_101
AT = datetime(2026, 2, 5, 9, tzinfo=UTC)


class Kind(StrEnum):
    """What is the matter with a filing."""

    RIGHT = "right"
    ADVISED = "low wage, advised"
    CEILING = "ceiling wrong, line refused"
    PAPER = "letters of the paper form, line refused"
    TOTAL = "total wrong, file refused"
    SHORT = "a column lost, file refused"


#: What a filing of each kind is told: the verdict, and the codes of its findings.
TOLD: dict[Kind, tuple[str, frozenset[str]]] = {
    Kind.RIGHT: ("accepted", frozenset()),
    Kind.ADVISED: ("accepted", frozenset({"R35"})),
    Kind.CEILING: ("blocked", frozenset({"R34"})),
    Kind.PAPER: ("blocked", frozenset({"R29"})),
    Kind.TOTAL: ("refused", frozenset({"R60"})),
    Kind.SHORT: ("refused", frozenset({"D2", "R7", "R20"})),
}
#: Filings in a thousand that are not right, in a month as the fund receives it.
FAULTS: Mapping[Kind, int] = {
    Kind.ADVISED: 30,
    Kind.CEILING: 20,
    Kind.PAPER: 10,
    Kind.TOTAL: 15,
    Kind.SHORT: 5,
}


@dataclass(frozen=True, slots=True)
class Filing:
    """One employer's month: its number, its people, the prefill it was given and the file it sends."""

    affiliation_number: str
    people: int
    prefill: bytes
    declaration: bytes
    kind: Kind


def sizes(count: int, chance: random.Random) -> Iterator[int]:
    """How many people each of `count` employers has, one by one; the shares are exact, the order is not.

    Drawn as from a bag that holds them all, of which only the numbers left are kept.
    """
    bag = {(fewest, most): round(count * share / 100) for share, fewest, most in SIZES}
    bag[(1, 1)] = max(0, count - sum(bag.values()))
    for _ in range(count):
        (size,) = chance.sample(list(bag), 1, counts=list(bag.values()))
        bag[size] -= 1
        yield chance.randint(*size)


def filings(
    count: int, *, faults: Mapping[Kind, int] | None = None, seed: int = SEED
) -> Iterator[Filing]:
    """`count` filings, always the same for one seed; `faults` says how many in a thousand are not right."""
    chance = random.Random(seed)
    shares = dict(faults or {})
    shares[Kind.RIGHT] = 1_000 - sum(shares.values())
    person = 1  # 100000000 is nobody
    for rank, people in enumerate(sizes(count, chance)):
        (kind,) = chance.choices(list(shares), list(shares.values()))
        yield _filing(rank, person, people, kind, chance)
        person += people


def _filing(rank: int, person: int, people: int, kind: Kind, chance: random.Random) -> Filing:
    number = complete_affiliation_number(f"{100_000 + rank}")
    header = AffiliateHeader(
        number, PERIOD.compact, f"SOCIETE {rank}", "COMMERCE", "1 RUE DES ORANGERS", "CASABLANCA",
        "20000", "01", "20260127", f"{DUE_ON:%Y%m%d}",
    )  # fmt: skip
    identifier = transfer_identifier(number, PERIOD)
    expected, answers = [], []
    for one in range(person, person + people):
        line = PrefillLine(
            number, PERIOD.compact, complete_registration_number(f"1{one:07}"),
            f"NOM {one}".ljust(30) + "PRENOM", one % 4, 0, 0, 0,
        )  # fmt: skip
        gross = chance.randrange(350_000, 1_500_000)
        expected.append(line)
        answers.append(
            e_bds.prefilled_line(
                line, days_declared=26, gross_wage=gross, capped_wage=min(gross, CEILING)
            )
        )
    answers[-1] = _answer(expected[-1], answers[-1], kind)
    sent = b"".join(e_bds.write(transfer_identifier=identifier, header=header, lines=answers))
    return Filing(
        number,
        people,
        b"".join(prefill.write(transfer_identifier=identifier, header=header, lines=expected)),
        _damaged(sent, kind),
        kind,
    )


def _answer(expected: PrefillLine, right: PrefilledLine, kind: Kind) -> PrefilledLine:
    """The last line of a filing of this kind; its sums agree with what it says."""
    if kind is Kind.ADVISED:
        return e_bds.prefilled_line(
            expected, days_declared=26, gross_wage=150_000, capped_wage=150_000
        )
    if kind is Kind.CEILING:
        over = CEILING + 100
        return e_bds.prefilled_line(expected, days_declared=26, gross_wage=over, capped_wage=over)
    if kind is Kind.PAPER:  # unpaid leave is CS here, CO on paper; the control sum counts a rank
        line = e_bds.prefilled_line(
            expected, days_declared=0, gross_wage=0, capped_wage=0, situation="CS"
        )
        return line._replace(situation="CO")
    return right


def _damaged(sent: bytes, kind: Kind) -> bytes:
    records = sent.split(b"\n")  # the last piece is what follows the last line feed: nothing
    if kind is Kind.TOTAL:  # the wage bill of the whole, columns 44 to 58, is one centime off
        total = records[-2]
        records[-2] = total[:43] + b"%015d" % (int(total[43:58]) + 1) + total[58:]
    elif kind is Kind.SHORT:  # a column lost inside the name of the last person
        line = records[2]
        records[2] = line[:30] + line[31:]
    return b"\n".join(records)


def receive(batch: list[Filing], *, at: datetime) -> list[int]:
    """Employers with their prefill, and their file as the upload leaves it: bytes stored, check due; its keys."""
    from hashlib import sha256

    from affiliates.models import Affiliate, Agency
    from declarations.models import Prefill, ReceivedFile
    from portal.models import StoredChunk, StoredFile, User

    agency, _made = Agency.objects.get_or_create(
        code="01", defaults={"name": "Agence", "name_ar": "وكالة", "city": "Casablanca"}
    )
    sender = User.objects.filter(email="mois@exemple.ma").first()
    sender = sender or User.objects.create_user("mois@exemple.ma", full_name="Mois mesuré")
    affiliates = Affiliate.objects.bulk_create(
        Affiliate(
            affiliation_number=one.affiliation_number, name=f"SOCIETE {one.affiliation_number}",
            address="1 RUE DES ORANGERS", city="CASABLANCA", agency=agency, affiliated_on=date(2015, 1, 1),
        )
        for one in batch
    )  # fmt: skip
    Prefill.objects.bulk_create(
        Prefill(
            affiliate=affiliate, period=PERIOD.first_day,
            transfer_id=transfer_identifier(one.affiliation_number, PERIOD),
            issued_on=date(2026, 1, 27), due_on=DUE_ON, employee_count=one.people, content=one.prefill,
        )
        for one, affiliate in zip(batch, affiliates, strict=True)
    )  # fmt: skip
    stored = StoredFile.objects.bulk_create(
        StoredFile(
            name=e_bds.file_name(one.affiliation_number, PERIOD.compact),
            size=len(one.declaration),
            sha256=sha256(one.declaration).hexdigest(),
            stored_by=sender,
        )
        for one in batch
    )
    StoredChunk.objects.bulk_create(
        StoredChunk(file=file, index=0, data=one.declaration)
        for one, file in zip(batch, stored, strict=True)
    )
    files = ReceivedFile.objects.bulk_create(
        ReceivedFile(
            affiliate=affiliate, period=PERIOD.first_day, stored=file, sha256=file.sha256, received_at=at,
            received_by=sender, lines_total=one.people + 6,
        )
        for one, affiliate, file in zip(batch, affiliates, stored, strict=True)
    )  # fmt: skip
    return [file.pk for file in files]


def file_them(file_ids: list[int], *, at: datetime = AT) -> None:
    """Check, submit and charge these files, by the hundred, as the worker and their senders do."""
    from declarations import workflows
    from declarations.models import Declaration
    from declarations.tasks import CHECKED_TOGETHER
    from payments.workflows.slips import issue_slips
    from portal.models import User

    actor = User.objects.get(email="mois@exemple.ma")
    for start in range(0, len(file_ids), CHECKED_TOGETHER):
        group = file_ids[start : start + CHECKED_TOGETHER]
        workflows.check_files(file_ids=group, at=at)
        drafts = list(Declaration.objects.filter(received_file__in=group, status="draft"))
        workflows.submit_all(actor=actor, at=at, drafts={one.pk: one.version for one in drafts})
        issue_slips(actor=None, declaration_ids=[one.pk for one in drafts], at=at)


def outcomes(batch: Sequence[Filing], file_ids: Sequence[int]) -> tuple[Counter[Kind], list[str]]:
    """How many filings of each kind ended as they should, and the numbers of those that did not.

    Accepted: its own declaration submitted, receipt, slip and three traces. Not accepted: its verdict with the
    codes of its fault, the trace of the check, and nothing else.
    """
    from declarations.models import Declaration, FileFinding, Receipt, ReceivedFile
    from payments.models import PaymentSlip

    verdicts = dict(
        ReceivedFile.objects.filter(pk__in=file_ids, state="done").values_list("pk", "verdict")
    )
    codes = defaultdict(set)
    for file, code in FileFinding.objects.filter(received_file__in=file_ids).values_list(
        "received_file", "code"
    ):
        codes[file].add(code)
    made = Declaration.objects.filter(received_file__in=file_ids)
    submitted = dict(made.filter(status="submitted").values_list("received_file", "pk"))
    receipts = set(
        Receipt.objects.filter(declaration__in=made).values_list("declaration", flat=True)
    )
    slips = dict(PaymentSlip.objects.filter(declaration__in=made).values_list("declaration", "pk"))
    traced = {
        action: _traced(action, subject_type, subjects)
        for action, subject_type, subjects in (
            ("declarations.file.checked", "declarations.receivedfile", file_ids),
            ("declarations.declaration.submitted", "declarations.declaration", submitted.values()),
            ("payments.slip_issued", "payments.paymentslip", slips.values()),
        )
    }
    right: Counter[Kind] = Counter()
    wrong = []
    for one, file in zip(batch, file_ids, strict=True):
        verdict, told = TOLD[one.kind]
        declaration = submitted.get(file)
        slip = slips.get(declaration)
        full = declaration in receipts and slip is not None
        full = full and traced["declarations.declaration.submitted"][str(declaration)] == 1
        full = full and traced["payments.slip_issued"][str(slip)] == 1
        fine = (
            verdicts.get(file) == verdict
            and codes[file] == told
            and traced["declarations.file.checked"][str(file)] == 1
            and (full if verdict == "accepted" else declaration is None)
        )
        if fine:
            right[one.kind] += 1
        else:
            wrong.append(one.affiliation_number)
    strays = made.count() - len(submitted)
    return right, wrong + [f"{strays} drafts left"] * bool(strays)


def _traced(action: str, subject_type: str, subjects: Collection[int]) -> Counter[str]:
    from portal.models import AuditEntry

    rows = AuditEntry.objects.filter(
        action=action, subject_type=subject_type, subject_id__in=[str(one) for one in subjects]
    )
    return Counter(rows.values_list("subject_id", flat=True))


def books_balance() -> bool:
    """Whether the ledger of the whole month adds up."""
    from payments.ledger_check import check

    return check().breaches == ()
