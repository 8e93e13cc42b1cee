"""What an employer should know when it opens its home, besides the next act."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from affiliates.models import Affiliate
from certificates.enums import CertificateState
from certificates.models import Certificate
from damancom.enums import MonthState
from damancom.months import ZERO, Month, Owed
from declarations.models import Declaration
from disputes.enums import DisputeState, MissionState
from disputes.models import Dispute
from disputes.queries.missions import missions_of
from payments.codecs.reasons import reason_of
from payments.enums import DebitCause, DebitState
from payments.queries import debits
from payments.transitions import cut_off
from portal import clock, formats

# How long something that ended is still news.
NEWS = datetime.timedelta(days=45)


@dataclass(frozen=True)
class Notice:
    """A remark with its address: tone is ok, info, warn or bad."""

    tone: str
    title: str
    text: str
    url: str
    action: str


def notices_of(
    affiliate: Affiliate, months: Collection[Month], owed: Owed, *, now: datetime.datetime
) -> list[Notice]:
    """The notices of an affiliate, the gravest first; five queries besides what it is given."""
    today = clock.day_of(now)
    return [
        *_never_declared(affiliate),
        *_late(affiliate, months, owed, today),
        *_debt(affiliate, owed),
        *_troubled_debits(affiliate, today),
        *_missions(affiliate),
        *_disputes(affiliate, now),
        *_coming_debits(affiliate),
        *_certificates(affiliate, now),
        *_credit(affiliate, owed),
    ]


def _address(view: str, affiliate: Affiliate, **more: str) -> str:
    return reverse(view, kwargs={"affiliation_number": affiliate.affiliation_number, **more})


def _never_declared(affiliate: Affiliate) -> list[Notice]:
    if Declaration.objects.filter(affiliate=affiliate, submitted_at__isnull=False).exists():
        return []
    return [
        Notice(
            "info",
            _("Votre première déclaration vous attend"),
            _("Immatriculez d’abord vos salariés ; puis déclarez chaque mois, même sans travail."),
            _address("affiliates:employees", affiliate),
            _("Voir mes salariés"),
        )
    ]


def _late(
    affiliate: Affiliate, months: Collection[Month], owed: Owed, today: datetime.date
) -> list[Notice]:
    unpaid = [month for month in months if month.state(today) is MonthState.LATE_TO_PAY]
    account = _address("payments:account", affiliate)
    found = []
    if len(unpaid) > 1:  # a single one is the next act itself
        total = formats.dirhams(sum((month.claimed for month in unpaid), ZERO))
        found.append(
            Notice(
                "bad",
                _("%(count)s mois ne sont pas entièrement payés") % {"count": len(unpaid)},
                _(
                    "Reste à payer : %(amount)s. Chaque mois de retard commencé ajoute une majoration."
                )
                % {"amount": total},
                account,
                _("Voir le compte"),
            )
        )
    fees = owed.surcharges + owed.penalties
    if fees:
        found.append(
            Notice(
                "warn",
                _("%(amount)s de majorations et d’astreintes") % {"amount": formats.dirhams(fees)},
                _("Elles ont été appelées pour des paiements ou des dépôts en retard."),
                account,
                _("Voir le calcul"),
            )
        )
    return found


def _troubled_debits(affiliate: Affiliate, today: datetime.date) -> list[Notice]:
    found = []
    for order in debits.troubled(affiliate, since=today - NEWS):
        state = DebitState(order.state)
        facts = {
            "amount": formats.dirhams(order.amount),
            "day": formats.day(order.collect_on),
            "reason": _(reason_of(order.reason_code).label),
        }
        if state is DebitState.SUSPENDED:
            tone = "warn"
            title = _("Le prélèvement de %(amount)s du %(day)s est suspendu") % facts
            label = _(DebitCause(order.cause).label)
            text = f"{label[:1].upper()}{label[1:]}."
        elif state is DebitState.RETURNED:
            tone = "bad"
            title = _("Le prélèvement de %(amount)s du %(day)s est revenu impayé") % facts
            text = _("%(reason)s. La somme est due de nouveau, depuis son échéance.") % facts
        else:
            tone = "bad"
            title = _("La banque a refusé le prélèvement de %(amount)s du %(day)s") % facts
            text = _("%(reason)s. Rien n’a été pris ; la somme reste due.") % facts
        address = _address("payments:order", affiliate, reference=order.reference)
        found.append(Notice(tone, title, text, address, _("Voir que faire")))
    return found


def _coming_debits(affiliate: Affiliate) -> list[Notice]:
    found = []
    for order in debits.upcoming(affiliate):
        facts = {
            "amount": formats.dirhams(order.amount),
            "day": formats.day(order.collect_on),
            "account": formats.left_to_right(order.authority.masked_rib),
            "limit": formats.instant(cut_off(order.collect_on, clock.CASABLANCA)),
        }
        if order.state == DebitState.PLANNED:
            text = _("Sur le compte %(account)s. Vous pouvez l’arrêter jusqu’au %(limit)s.") % facts
        elif order.state == DebitState.SIGNED:
            text = _("Votre banque doit d’abord confirmer le compte %(account)s.") % facts
        else:
            text = _("Sur le compte %(account)s. L’ordre est à la banque.") % facts
        found.append(
            Notice(
                "info",
                _("Prélèvement de %(amount)s le %(day)s") % facts,
                text,
                _address("payments:order", affiliate, reference=order.reference),
                _("Voir l’ordre"),
            )
        )
    return found


def _missions(affiliate: Affiliate) -> list[Notice]:
    running = missions_of(affiliate).exclude(
        state__in=[MissionState.CONCLUDED.value, MissionState.CANCELLED.value]
    )
    found = []
    for mission in running:
        facts = {
            "number": mission.number,
            "first": formats.day(mission.starts_on),
            "last": formats.day(mission.ends_on),
        }
        if mission.reply_until:
            title = _("Contrôle %(number)s : vous pouvez répondre aux observations") % facts
            text = _("Jusqu’au %(until)s. Rien n’est décidé avant.") % {
                "until": formats.day(mission.reply_until)
            }
        else:
            title = _("Un contrôle de la Caisse est annoncé : %(number)s") % facts
            text = (
                _("Visites du %(first)s au %(last)s. Voyez qui vient, pourquoi et sur quoi.")
                % facts
            )
        address = _address("disputes:mission", affiliate, number=mission.number)
        found.append(Notice("warn", title, text, address, _("Voir la mission")))
    return found


def _disputes(affiliate: Affiliate, now: datetime.datetime) -> list[Notice]:
    recent = Dispute.objects.filter(affiliate=affiliate).order_by("-pk")[:20]
    found = []
    for dispute in recent:
        facts = {"number": dispute.number}
        address = _address("disputes:detail", affiliate, number=dispute.number)
        if dispute.state == DisputeState.ANSWER_AWAITED:
            found.append(
                Notice(
                    "warn",
                    _("Réclamation %(number)s : la Caisse attend votre réponse") % facts,
                    _("L’examen reprend dès que vous répondez."),
                    address,
                    _("Répondre"),
                )
            )
        elif (
            dispute.state == DisputeState.TAKEN
            and dispute.first_answered_at
            and now - dispute.first_answered_at < NEWS
        ):
            found.append(
                Notice(
                    "info",
                    _("Réclamation %(number)s : la Caisse vous a écrit") % facts,
                    _("L’examen continue ; vous pouvez répondre à tout moment."),
                    address,
                    _("Lire le message"),
                )
            )
        elif (
            dispute.state == DisputeState.DECIDED
            and dispute.closed_at
            and now - dispute.closed_at < NEWS
        ):
            found.append(
                Notice(
                    "info",
                    _("Réclamation %(number)s : décidée") % facts,
                    _("La décision et ses motifs sont en ligne."),
                    address,
                    _("Lire la décision"),
                )
            )
    return found


def _certificates(affiliate: Affiliate, now: datetime.datetime) -> list[Notice]:
    ended = Certificate.objects.filter(affiliate=affiliate, ended_at__gt=now - NEWS).exclude(
        state=CertificateState.VALID.value
    )
    found = []
    for certificate in ended.order_by("-ended_at")[:3]:
        facts = {
            "number": certificate.number,
            "state": _(CertificateState(certificate.state).label),
        }
        found.append(
            Notice(
                "info",
                _("Attestation %(number)s : %(state)s") % facts,
                _("Qui la vérifie en ligne le voit aussi. Demandez-en une nouvelle si besoin."),
                _address("certificates:certificate", affiliate, number=certificate.number),
                _("Voir l’attestation"),
            )
        )
    return found


def _debt(affiliate: Affiliate, owed: Owed) -> list[Notice]:
    if owed.credit >= 0:
        return []
    return [
        Notice(
            "bad",
            _("Vous devez %(amount)s à la Caisse") % {"amount": formats.dirhams(-owed.credit)},
            _("La banque a repris un versement dont le trop-perçu vous avait été remboursé."),
            _address("payments:credit", affiliate),
            _("Voir comment payer"),
        )
    ]


def _credit(affiliate: Affiliate, owed: Owed) -> list[Notice]:
    if owed.credit <= 0:
        return []
    return [
        Notice(
            "ok",
            _("Vous avez un crédit de %(amount)s") % {"amount": formats.dirhams(owed.credit)},
            _("Il vient d’un paiement supérieur à ce qui était dû."),
            _address("payments:account", affiliate),
            _("Voir le compte"),
        )
    ]
