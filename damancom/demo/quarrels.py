"""What the demo's firms contest: one decided and appealed, one that waits for a piece, one that nobody took yet."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from damancom.demo import world
from damancom.demo.history import History
from damancom.demo.paper import intent
from disputes import rules
from disputes.enums import Ground, Outcome, SubjectKind
from disputes.models import Dispute
from disputes.rules import Subject
from disputes.workflows import disputes as contesting
from disputes.workflows import opening
from disputes.workflows.escalations import escalate_due
from disputes.workflows.templates import add_template
from payments.models import SlipLine
from portal.enums import Language
from regulation.enums import Branch
from regulation.money import round_half_up
from regulation.parameters import due_day
from regulation.periods import Period


@dataclass(frozen=True)
class Quarrel:
    """A share of one line of a slip, contested so many days after its due day."""

    name: str
    firm: str
    months_back: int
    branch: Branch
    share: Decimal
    ground: Ground
    text: str
    days_after_due: int
    with_piece: bool = False


DECIDED = Quarrel(
    "riad decided",
    "riad",
    6,
    Branch.AMO,
    Decimal("0.2"),
    Ground.WRONG_EMPLOYEE,
    "Deux saisonniers partis le mois d’avant ont été comptés pour un mois entier.",
    12,
)
WAITING_FOR_PIECE = Quarrel(
    "riad waiting",
    "riad",
    1,
    Branch.LT,
    Decimal("0.25"),
    Ground.WRONG_BASE,
    "Des indemnités de repas, non soumises, sont dans l’assiette de ce mois.",
    6,
)
UNTAKEN = Quarrel(
    "garage open",
    "garage",
    2,
    Branch.PF,
    Decimal("0.5"),
    Ground.WRONG_EMPLOYEE,
    "Un apprenti figure sur le bordereau alors que son contrat a commencé le mois suivant.\n"
    "Le contrat signé est joint.",
    48,
    with_piece=True,
)


WORDS = (
    (
        "Accusé de prise en charge",
        Language.FRENCH,
        None,
        (
            "Bonjour,\nnous avons lu votre réclamation et ce que vous y joignez. Nous vérifions la ligne contestée et "
            "revenons vers vous sur cette page."
        ),
    ),
    (
        "إشعار بالتوصل",
        Language.ARABIC,
        None,
        "تحية طيبة،\nقرأنا شكايتكم وما أرفقتم بها. نتحقق من السطر المنازع فيه ونعود إليكم في هذه الصفحة.",
    ),
    (
        "Assiette : demander le détail",
        Language.FRENCH,
        Ground.WRONG_BASE,
        (
            "Pour vérifier l’assiette, il nous faut le détail par salarié des éléments que vous jugez non soumis, "
            "tel qu’il figure sur vos bulletins de paie."
        ),
    ),
)


def plan(history: History) -> None:
    """Write the three disputes into the story, with what the agency answered."""
    opened = _plan_opening(history, DECIDED)
    _plan(history, opened, 3, partial(_take, history, DECIDED))
    _plan(history, opened, 16, partial(_decide, history))
    _plan(history, opened, 24, partial(_appeal, history))
    _plan(history, opened, 27, partial(_decide_appeal, history))
    opened = _plan_opening(history, WAITING_FOR_PIECE)
    _plan(history, opened, 2, partial(_take, history, WAITING_FOR_PIECE))
    _plan(history, opened, 4, partial(_ask, history))
    _plan_opening(history, UNTAKEN)


def _plan_opening(history: History, quarrel: Quarrel) -> datetime.date:
    period = history.register.last_month - quarrel.months_back
    day = due_day(period) + datetime.timedelta(days=quarrel.days_after_due)
    _plan(history, day, 0, partial(_open, history, quarrel, period))
    return day


def _plan(history: History, day: datetime.date, after: int, act: "partial[None]") -> None:
    # In the order written, even when several are still to come and are played at this instant.
    history.story.plan(day + datetime.timedelta(days=after), 14, after, act)


def _open(history: History, quarrel: Quarrel, period: Period, at: datetime.datetime) -> None:
    affiliate = history.register.affiliates[quarrel.firm]
    line = SlipLine.objects.get(
        slip__affiliate=affiliate,
        slip__period=period.first_day,
        branch=quarrel.branch.value,
    )
    opening.open_dispute(
        actor=history.register.user(world.ACCOUNTANT),
        affiliate=affiliate,
        intent=intent(quarrel.name),
        ground=quarrel.ground,
        text=quarrel.text,
        contested={
            Subject.of(SubjectKind.LINE, line.pk): round_half_up(line.amount * quarrel.share)
        },
        pieces=[Piece("contrat-apprenti.pdf", one_line_pdf("Contrat d'apprentissage"))]
        if quarrel.with_piece
        else [],
        at=at,
    )


def _dispute(quarrel: Quarrel) -> Dispute:
    return Dispute.objects.get(intent=intent(quarrel.name))


def _take(history: History, quarrel: Quarrel, at: datetime.datetime) -> None:
    contesting.take(actor=history.register.supervisor, dispute_id=_dispute(quarrel).pk, at=at)


def _ask(history: History, at: datetime.datetime) -> None:
    contesting.ask_for_piece(
        actor=history.register.supervisor,
        dispute_id=_dispute(WAITING_FOR_PIECE).pk,
        intent=intent("riad waiting asked"),
        text="Merci de joindre le détail des indemnités par salarié, tel qu’il figure sur vos bulletins de paie.",
        at=at,
    )


def _decide(history: History, at: datetime.datetime) -> None:
    dispute = _dispute(DECIDED)
    item = dispute.items.get()
    contesting.decide(
        actor=history.register.supervisor,
        dispute_id=dispute.pk,
        intent=intent("riad decision"),
        rulings={
            item.pk: rules.Ruling(Outcome.PARTLY_UPHELD, round_half_up(item.stake * Decimal("0.6")))
        },
        reasons="Un des deux saisonniers avait bien quitté l’établissement ; l’autre a travaillé douze jours.",
        legal_ground="Dahir n° 1-72-184 du 27 juillet 1972, article 19",
        at=at,
    )


def _appeal(history: History, at: datetime.datetime) -> None:
    opening.appeal(
        actor=history.register.user(world.ACCOUNTANT),
        dispute_id=_dispute(DECIDED).pk,
        intent=intent("riad appeal"),
        text="Le second saisonnier est parti le 4 du mois : son solde de tout compte le montre.",
        pieces=[Piece("solde-de-tout-compte.pdf", one_line_pdf("Solde de tout compte"))],
        at=at,
    )


def _decide_appeal(history: History, at: datetime.datetime) -> None:
    """Another person than the first: the supervisor examined and decided, the clerk does now."""
    second = Dispute.objects.get(intent=intent("riad appeal"))
    clerk = history.register.user(world.clerk_of(world.firm("riad")))
    contesting.take(actor=clerk, dispute_id=second.pk, at=at)
    contesting.decide(
        actor=clerk,
        dispute_id=second.pk,
        intent=intent("riad appeal decision"),
        rulings={item.pk: rules.Ruling(Outcome.UPHELD) for item in second.items.all()},
        reasons="Le solde de tout compte confirme le départ : le reste est accordé.",
        legal_ground="",
        at=at,
    )


def finish(history: History, *, now: datetime.datetime) -> None:
    """What the nights would have done, and the words that the agencies use again."""
    escalate_due(at=now)
    for title, language, ground, text in WORDS:
        add_template(
            actor=history.register.supervisor,
            title=title,
            language=language,
            ground=ground,
            text=text,
            at=now,
        )


@dataclass(frozen=True)
class Piece:
    """A file as a form gives it."""

    name: str
    content: bytes

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in one piece."""
        yield self.content


def one_line_pdf(text: str) -> bytes:
    """A PDF of one page with one line of ASCII text, small enough to be read here."""
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>>>>>"
        ),
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
