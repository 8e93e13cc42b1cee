"""Invented people and their wages: pure, seeded, the same at each run.

Names are drawn from common ones, numbers carry valid keys of both series (e-BDS §6.3), and nobody here exists.
"""

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from regulation.identifiers import complete_affiliation_number, complete_registration_number
from regulation.money import round_half_up
from regulation.parameters import monthly_minimum_wage
from regulation.periods import Period

FULL_MONTH = 26

LAST_NAMES = (
    "ALAMI", "ALAOUI", "AMRANI", "AZZOUZI", "BAHRI", "BELHAJ", "BELKACEM", "BENALI", "BENCHEKROUN", "BENHADDOU",
    "BENJELLOUN", "BENKIRANE", "BENMOUSSA", "BENNANI", "BENSAID", "BERRADA", "BOUAZZA", "BOUCHTA", "BOUZIANE",
    "CHAFIK", "CHAKIR", "CHERKAOUI", "CHRAIBI", "DAHBI", "DAOUDI", "DRISSI", "EL AMRANI", "EL FASSI", "EL GHAZI",
    "EL HARTI", "EL IDRISSI", "EL KHATTABI", "EL MANSOURI", "EL OUAZZANI", "ENNAJI", "ESSAIDI", "FADILI", "FILALI",
    "GUESSOUS", "HADDADI", "HAJJI", "HAMDAOUI", "HASSANI", "IDRISSI", "JALAL", "KABBAJ", "KADIRI", "KETTANI",
    "LAHLOU", "LAMRANI", "LAZRAK", "MANSOURI", "MEKOUAR", "MERNISSI", "NACIRI", "OUADGHIRI", "OUAHBI", "OUCHEN",
    "RAHMANI", "SABRI", "SEBTI", "SEFRIOUI", "SKALLI", "SLAOUI", "TAHIRI", "TAZI", "TOUZANI", "WAHBI", "YACOUBI",
    "ZAHIRI", "ZERHOUNI", "ZNIBER", "AIT BRAHIM", "AIT LAHCEN", "AIT OUARAB", "OUBELLA", "IGUIDER", "AMEZIANE",
)  # fmt: skip
FIRST_NAMES = (
    "AMINA", "ASMAE", "AYA", "BOUCHRA", "FADOUA", "FATIMA", "FATIMA ZAHRA", "GHIZLANE", "HAFSA", "HAJAR", "HANANE",
    "HIND", "IKRAM", "ILHAM", "IMANE", "KARIMA", "KHADIJA", "KAOUTAR", "LAILA", "LAMIAE", "MALIKA", "MERYEM",
    "NADIA", "NAJAT", "NAIMA", "NAOUAL", "RACHIDA", "RAJAE", "SALMA", "SANAE", "SIHAM", "SOUKAINA", "ZINEB",
    "ABDELAZIZ", "ABDELHAK", "ABDELLAH", "ABDERRAHIM", "ADIL", "AHMED", "ANAS", "AYOUB", "AZIZ", "BRAHIM", "DRISS",
    "FOUAD", "HAMZA", "HASSAN", "HICHAM", "IBRAHIM", "ILYAS", "ISMAIL", "JAWAD", "KAMAL", "KARIM", "KHALID",
    "LAHCEN", "MEHDI", "MOHAMED", "MOHAMED AMINE", "MOSTAFA", "MOUNIR", "MOURAD", "NABIL", "OMAR", "OTHMANE",
    "RACHID", "REDA", "SAID", "SAMIR", "TARIK", "YASSINE", "YOUNES", "YOUSSEF", "ZAKARIA",
)  # fmt: skip


def affiliation_number(six_digits: str, *, second_series: bool) -> str:
    """Six digits with the key of the first series, or its complement to nine."""
    number = complete_affiliation_number(six_digits)
    return _second(number) if second_series else number


def _second(number: str) -> str:
    return number[:-1] + str(9 - int(number[-1]))


def registration_numbers() -> Iterator[str]:
    """Insured numbers without end, never twice: two in five of the first series, some starting with 9."""
    for rank in range(10_000_000):
        # 7919 and ten million share no factor: every body comes once before any comes again.
        body = f"{(rank * 7919 + 1_204_573) % 10_000_000:07}"
        if rank % 9 == 8:
            yield _second(complete_registration_number(f"9{body}"))
        elif rank % 5 in (0, 3):
            yield complete_registration_number(f"1{body}")
        else:
            yield _second(complete_registration_number(f"1{body}"))


@dataclass(frozen=True)
class Job:
    """Someone's work at a firm. ``grade`` is the wage in multiples of the minimum one."""

    registration_number: str
    last_name: str
    first_name: str
    cin: str
    born_on: datetime.date
    children: int
    grade: Decimal
    started_on: datetime.date
    # The last day worked, for those who leave in the course of the story.
    left_on: datetime.date | None = None
    # Months away from work, with the e-BDS code that says why.
    absences: tuple[tuple[Period, str], ...] = ()

    @property
    def full_name(self) -> str:
        """Surname in 30 columns, then the first name, as the fund writes it (e-BDS §4.3)."""
        return f"{self.last_name:<30}{self.first_name}"


@dataclass(frozen=True)
class Month:
    """What one person worked and earned in one month; wage in dirhams."""

    days: int
    gross_wage: Decimal
    situation: str = ""


Grades = tuple[tuple[int, Decimal, Decimal], ...]
# Shares of the people, in percent, and the wages they earn, in multiples of the minimum.
GRADES: Grades = (
    (38, Decimal("1.00"), Decimal("1.00")),
    (34, Decimal("1.02"), Decimal("1.60")),
    (19, Decimal("1.60"), Decimal("2.80")),
    (7, Decimal("2.80"), Decimal("5.50")),
    (2, Decimal("5.50"), Decimal("9.00")),
)
SKILLED_GRADES: Grades = (
    (14, Decimal("1.00"), Decimal("1.00")),
    (36, Decimal("1.05"), Decimal("1.75")),
    (30, Decimal("1.75"), Decimal("3.20")),
    (14, Decimal("3.20"), Decimal("6.50")),
    (6, Decimal("6.50"), Decimal("11.00")),
)


def staff_of(
    firm: str,
    *,
    count: int,
    first_month: Period,
    last_month: Period,
    numbers: Iterator[str],
    skilled: bool = False,
    turnover: int = 0,
) -> list[Job]:
    """``count`` people in place before ``first_month`` and, in larger firms, ``turnover`` who come and who leave."""
    chance = random.Random(f"{firm} 2026")  # noqa: S311 - a story, not a secret
    # A baker with two employees pays neither of them like a director.
    grades = SKILLED_GRADES if skilled else GRADES if count >= 10 else GRADES[:3]
    jobs = [_job(chance, numbers, grades, first_month) for _ in range(count)]
    span = first_month.months_until(last_month)
    for index in range(turnover):
        month = first_month + (1 + index * max(span - 1, 1) // turnover)
        leaver = jobs[index * 7 % count]
        jobs[index * 7 % count] = Job(
            **{**vars(leaver), "left_on": month.first_day + datetime.timedelta(days=11)}
        )
        arrival = _job(chance, numbers, grades, first_month)
        jobs.append(Job(**{**vars(arrival), "started_on": month.first_day}))
    if count >= 30:
        away = jobs[3]
        jobs[3] = Job(
            **{
                **vars(away),
                "absences": tuple((first_month + rank, "IT") for rank in (4, 5, 6)),
            }
        )
        unpaid = jobs[5]
        jobs[5] = Job(**{**vars(unpaid), "absences": ((last_month - 1, "CS"), (last_month, "CS"))})
    return jobs


def _job(chance: random.Random, numbers: Iterator[str], grades: Grades, first_month: Period) -> Job:
    _, low, high = chance.choices(grades, weights=[share for share, _, _ in grades])[0]
    steps = int((high - low) * 100)
    started = first_month - chance.randint(1, 96)
    return Job(
        registration_number=next(numbers),
        last_name=chance.choice(LAST_NAMES),
        first_name=chance.choice(FIRST_NAMES),
        cin=f"{chance.choice(('A', 'B', 'BE', 'BK', 'C', 'D', 'EE', 'JB', 'K', 'L', 'Q'))}"
        f"{chance.randint(100_000, 999_999)}",
        born_on=datetime.date(
            chance.randint(1966, 2003), chance.randint(1, 12), chance.randint(1, 28)
        ),
        children=chance.choices((0, 1, 2, 3, 4), weights=(42, 20, 22, 11, 5))[0],
        grade=low + Decimal(chance.randint(0, steps)) / 100,
        started_on=started.first_day,
    )


def works_in(job: Job, period: Period) -> bool:
    """Whether the job covers a day of the month."""
    return job.started_on <= period.last_day and (
        job.left_on is None or job.left_on >= period.first_day
    )


def month_of(job: Job, period: Period) -> Month:
    """The days and the wage of ``job`` in ``period``: overtime in some months, absences in others."""
    situation = dict(job.absences).get(period, "")
    if situation:
        return Month(0, Decimal("0.00"), situation)
    chance = random.Random(f"{job.registration_number} {period}")  # noqa: S311 - a story, not a secret
    days = FULL_MONTH
    if job.left_on is not None and Period.from_day(job.left_on) == period:
        days, situation = job.left_on.day - 2, "SO"
    elif chance.random() < 0.06:
        days = chance.randint(19, 25)
    full = monthly_minimum_wage(period.first_day) * job.grade
    wage = full * days / FULL_MONTH
    if not situation and chance.random() < 0.18:
        wage += full * chance.randint(2, 12) / 100
    return Month(days, round_half_up(wage), situation)
