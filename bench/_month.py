"""A month of the whole country, seeded: employers of every size, what the fund expects of them, what they send."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from declarations.codecs import e_bds, prefill
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


@dataclass(frozen=True, slots=True)
class Filing:
    """One employer's month: its number, its people, the prefill it was given and the file it sends."""

    affiliation_number: str
    people: int
    prefill: bytes
    declaration: bytes


def sizes(count: int, chance: random.Random) -> list[int]:
    """How many people each of `count` employers has; the shares are exact, the order is not."""
    found = []
    for share, fewest, most in SIZES:
        found += [chance.randint(fewest, most) for _ in range(round(count * share / 100))]
    found = found[:count] + [1] * (count - len(found))
    chance.shuffle(found)
    return found


def filings(count: int, seed: int = SEED) -> Iterator[Filing]:
    """`count` filings that are right, always the same for one seed."""
    chance = random.Random(seed)
    person = 1  # 100000000 is nobody
    for rank, people in enumerate(sizes(count, chance)):
        yield _filing(rank, person, people, chance)
        person += people


def _filing(rank: int, person: int, people: int, chance: random.Random) -> Filing:
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
    return Filing(
        number,
        people,
        b"".join(prefill.write(transfer_identifier=identifier, header=header, lines=expected)),
        b"".join(e_bds.write(transfer_identifier=identifier, header=header, lines=answers)),
    )


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
