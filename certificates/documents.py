"""Frozen facts to HTML to PDF, made when asked and kept nowhere.

The HTML is written here, by Django, with autoescape; the PDF is made by the press, a process apart (printing.py). The
documents are in French with their title, labels and main sentence in Arabic beside it, whatever the language of the
screen: the paper that one person asks for, another must read.
"""

import base64
import io
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from certificates import printing, wording
from certificates.enums import CertificateKind
from certificates.facts import AffiliateFacts, CertificateFacts, DecisionFacts, PaymentFacts
from certificates.wording import Row, Statement, identity, short
from declarations.enums import DeclarationKind
from declarations.queries import ReceiptFacts
from payments.enums import SlipState
from payments.queries import SlipFacts, SlipLineFact
from portal import charts, formats
from portal.clock import day_of
from regulation.contributions import RULES
from regulation.enums import Box, Branch
from regulation.text import _

ROOT = Path(__file__).resolve().parent.parent

# A part of a long list: five hundred people, half a second of processor.
PAGES_PER_PART = 10
# Room for the amounts at the left of a chart, in its own units.
CHART_MARGIN = 72
# Low enough for the seal to stand on the page of a whole year.
CHART_BASE = 66
CHART_FOOT = 26


@dataclass(frozen=True, slots=True)
class Document:
    """A page ready for the press: HTML, the name of the file, and what makes it itself (hexadecimal).

    A long list follows its certificate in ``parts``, each drawn by itself.
    """

    html: str
    filename: str
    identifier: str
    parts: tuple[str, ...] = ()


# --------------------------------------------------------------------------------------------- certificates

_TITLES = {
    CertificateKind.REGISTRATION: _("Attestation d’affiliation"),
    CertificateKind.PAYROLL: _("Attestation de masse salariale"),
    CertificateKind.STANDING: _("Attestation de régularité"),
    CertificateKind.TENDER: _("Attestation pour marché public"),
    CertificateKind.EMPLOYEES: _("Liste des salariés déclarés"),
    CertificateKind.EMPLOYEE: _("Attestation d’immatriculation"),
    CertificateKind.WAGES: _("Attestation de salaires déclarés"),
}


def certificate(
    kind: CertificateKind,
    facts: CertificateFacts,
    *,
    number: str,
    digest: str,
    issued_at: datetime,
    verification_url: str,
    code: str,
) -> Document:
    """A certificate as issued. ``verification_url`` goes into the QR code, ``code`` is its token in groups."""
    with translation.override("fr"):
        context = {
            "title": _TITLES[kind],
            "number": number,
            "created": issued_at.isoformat(timespec="seconds"),
            "issued": issued_at,
            "qr": qr_code(verification_url),
            "verification_url": verification_url,
            "code": code,
            "digest": digest,
            **_PARTS[kind](facts, issued_at),
        }
        document = _document("certificates/pdf/certificate.html", context, number, digest=digest)
        parts = _list_parts(facts, context) if context.get("length") else ()
        return replace(document, parts=parts)


def _list_parts(facts: CertificateFacts, context: dict[str, Any]) -> tuple[str, ...]:
    """The pages of a long list, some at a time."""
    pages = list(wording.list_pages(facts.people))
    return tuple(
        render_to_string(
            "certificates/pdf/list.html",
            {**context, "facts": facts, "pages": pages[first : first + PAGES_PER_PART]},
        )
        for first in range(0, len(pages), PAGES_PER_PART)
    )


def _registration(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    affiliate = facts.affiliate
    return {
        "statement": Statement(
            _(
                "La Caisse atteste que l’employeur désigné ci-dessous est affilié au régime de sécurité sociale "
                "sous le numéro {number} depuis le {since}."
            ),
            {"number": affiliate.affiliation_number, "since": affiliate.affiliated_on},
        ),
        "rows": [
            *identity(affiliate),
            Row(_("Affilié depuis le"), formats.day(affiliate.affiliated_on)),
            Row(_("Situation au jour de la délivrance"), formats.label(affiliate.state)),
        ],
        "note": Statement(
            _(
                "Cette attestation constate l’affiliation au {day}. Elle ne vaut pas attestation de paiement "
                "des cotisations."
            ),
            {"day": day_of(issued_at)},
        ),
    }


def _payroll(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    first, last = facts.months[0].period, facts.months[-1].period
    return {
        "statement": Statement(
            _(
                "La Caisse atteste que l’employeur désigné ci-dessous a déclaré, de la période {first} à la période "
                "{last} incluses, une masse salariale totale de {total} DH."
            ),
            {"first": first, "last": last, "total": facts.wage_bill},
        ),
        "rows": identity(facts.affiliate),
        "months": facts.months,
        "totals": facts,
        "chart": _wage_chart(facts),
        "note": Statement(
            _(
                "Montants en dirhams, tels que déclarés par l’employeur à la date du {day}. Une déclaration "
                "corrigée après cette date rend l’attestation caduque : vérifiez-la avant de vous y fier."
            ),
            {"day": day_of(issued_at)},
        ),
    }


_PARTS = {
    CertificateKind.REGISTRATION: _registration,
    CertificateKind.PAYROLL: _payroll,
    CertificateKind.STANDING: wording.good_standing,
    CertificateKind.TENDER: wording.good_standing,
    CertificateKind.EMPLOYEES: wording.employees,
    CertificateKind.EMPLOYEE: wording.employee,
    CertificateKind.WAGES: wording.wages,
}


def _wage_chart(facts: CertificateFacts) -> dict[str, Any]:
    """The bars of the wage bill; under more than twelve of them, only every third month is named."""
    every = 1 if len(facts.months) <= 12 else 3
    bars = [
        charts.Bar(
            label=formats.period(month.period),
            short_label=f"{month.period.month:02}/{month.period.year % 100:02}"
            if not rank % every
            else "",
            values=[month.wage_bill],
        )
        for rank, month in enumerate(facts.months)
    ]
    title = _("Masse salariale déclarée, mois par mois")
    chart = charts.BarChart(title, "", [charts.Series(_("Masse salariale"), "ok")], bars)
    drawn = charts.layout(chart, right_to_left=False, base=CHART_BASE, foot=CHART_FOOT)
    frame = {"margin": str(CHART_MARGIN), "frame_width": str(charts.WIDTH + CHART_MARGIN)}
    svg = render_to_string("certificates/pdf/_chart.svg", {"chart": drawn, **frame})
    return {"title": title, "image": _as_data(svg)}


# ------------------------------------------------------------------------------------------------- receipts


def filing_receipt(
    employer: AffiliateFacts, facts: ReceiptFacts, *, check_url: str = ""
) -> Document:
    """The receipt (récépissé) of a submitted declaration, in time or late.

    ``check_url`` is where anyone who holds it checks it; printed as a QR code too.
    """
    with translation.override("fr"):
        context = {
            "title": _("Récépissé de dépôt de déclaration"),
            "number": facts.receipt_number,
            "created": facts.submitted_at.isoformat(timespec="seconds"),
            "issued": facts.submitted_at,
            "statement": Statement(
                _(
                    "La Caisse a reçu le {instant} la déclaration des salaires de l’employeur ci-dessous pour "
                    "{period}."
                ),
                {"instant": facts.submitted_at, "period": facts.period},
            ),
            "rows": identity(employer),
            "details": [row for row in _filing_details(facts) if row.value],
            "check_url": check_url,
            "qr": qr_code(check_url) if check_url else "",
            "note": Statement(
                _(
                    "Ce récépissé prouve le dépôt et sa date ; il ne vaut pas quittance de paiement. Le "
                    "bordereau de paiement correspondant est disponible dans votre espace."
                )
            ),
        }
        return _document(
            "certificates/pdf/receipt.html", context, facts.receipt_number, name="recepisse-"
        )


def _filing_details(facts: ReceiptFacts) -> list[Row]:
    kind = formats.label(facts.kind)
    if facts.kind is DeclarationKind.SUPPLEMENTARY:
        kind = f"{kind} n° {facts.supplement_number}"
    because = facts.kept_on_time_because
    due = formats.sentence(
        Statement(
            _("dans le délai (échéance le {day}) : {reason}"),
            {"day": facts.due_on, "reason": because},
        )
        if because
        else Statement(
            _("après l’échéance du {day}")
            if facts.is_late
            else _("dans le délai (échéance le {day})"),
            {"day": facts.due_on},
        )
    )
    return [
        Row(_("Numéro de récépissé"), facts.receipt_number, is_code=True),
        Row(_("Période déclarée"), formats.period(facts.period)),
        Row(_("Nature de la déclaration"), kind),
        Row(_("Dépôt"), due),
        Row(_("Déposée par"), _bearer(facts.submitted_by, facts.office)),
        *([Row(_("Remplace le récépissé"), facts.replaces)] if facts.replaces else []),
        Row(_("Salariés déclarés"), formats.number(facts.employee_count)),
        Row(_("dont entrants"), formats.number(facts.new_hire_count)),
        Row(_("Jours déclarés"), formats.number(facts.days_declared)),
        Row(_("Masse salariale"), formats.dirhams(facts.wage_bill)),
        Row(_("Masse salariale plafonnée"), formats.dirhams(facts.capped_wage_bill)),
        Row(_("Cotisations calculées"), formats.dirhams(facts.contributions.total)),
        Row(_("Fichier reçu"), short(facts.file_name), is_code=True),
        Row(_("Empreinte SHA-256 du fichier"), facts.file_sha256, is_code=True),
        Row(_("Empreinte SHA-256 du récépissé"), facts.digest, is_code=True),
    ]


def _bearer(person: str, office: str) -> str:
    """Who acted, and by whose mandate; nothing when the fund did."""
    if not office:
        return short(person)
    said = Statement(_("{person} (cabinet {office})"), {"person": person, "office": office})
    return short(formats.sentence(said))


def payment_receipt(facts: PaymentFacts) -> Document:
    """The receipt (quittance) of money received through a bank."""
    with translation.override("fr"):
        context = {
            "title": _("Quittance de paiement"),
            "number": facts.number,
            "created": facts.booked_on.isoformat(),
            "issued": facts.booked_on,
            "statement": Statement(
                _(
                    "La Caisse a reçu de l’employeur ci-dessous la somme de {amount} DH, payée le {day}."
                ),
                {"amount": facts.amount, "day": facts.paid_on},
            ),
            "rows": identity(facts.affiliate),
            "details": [
                Row(_("Payé le"), formats.day(facts.paid_on)),
                Row(_("Comptabilisé le"), formats.day(facts.booked_on)),
                Row(_("Banque"), short(facts.bank)),
                *(
                    [Row(_("Référence de la banque"), short(facts.bank_reference), is_code=True)]
                    if facts.bank_reference
                    else []
                ),
                *(
                    [Row(_("Payeur annoncé par la banque"), short(facts.payer))]
                    if facts.payer
                    else []
                ),
            ],
            "parts": facts.lines,
            "total": facts.amount,
            "note": Statement(
                _(
                    "Cette quittance vaut pour les sommes ci-dessus, sous réserve de leur encaissement définitif "
                    "par la banque."
                )
            ),
        }
        return _document("certificates/pdf/payment.html", context, facts.number, name="quittance-")


def decision(facts: DecisionFacts) -> Document:
    """The answer of the fund to a dispute, with its reasons and the ways of appeal."""
    with translation.override("fr"):
        context = {
            "title": _("Décision sur une réclamation"),
            "number": facts.number,
            "created": facts.decided_at.isoformat(timespec="seconds"),
            "issued": facts.decided_at,
            "statement": Statement(
                _(
                    "La Caisse a examiné la réclamation {number}, déposée le {opened}. Sa réponse : réclamation "
                    "{outcome}. Montant accordé : {granted} DH sur {contested} DH contestés."
                )
                if facts.contested
                else _(
                    "La Caisse a examiné la réclamation {number}, déposée le {opened}. Sa réponse : réclamation "
                    "{outcome}."
                ),
                {
                    "number": facts.number,
                    "opened": day_of(facts.opened_at),
                    "outcome": facts.outcome,
                    "granted": facts.granted,
                    "contested": facts.contested,
                },
            ),
            "rows": identity(facts.affiliate)[:4],
            "details": [
                row
                for row in (
                    Row(_("Motif de la réclamation"), formats.label(facts.ground)),
                    Row(_("Décidée par"), short(facts.decided_by)),
                    Row(_("Texte appliqué"), short(facts.legal_ground)),
                )
                if row.value
            ],
            "facts": facts,
        }
        return _document("certificates/pdf/decision.html", context, facts.number, name="decision-")


# ----------------------------------------------------------------------------------------------------- slip


@dataclass(frozen=True, slots=True)
class SlipBox:
    """One box of the form 511-1-01: its number there, its branches, and their sums. Amounts in dirhams."""

    number: str
    label: str
    lines: tuple[SlipLineFact, ...]

    @property
    def employer_share(self) -> Decimal:
        return sum((line.employer_share for line in self.lines), Decimal("0.00"))

    @property
    def employee_share(self) -> Decimal:
        return sum((line.employee_share for line in self.lines), Decimal("0.00"))

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))


# Payment bordereau 511-1-01: the general scheme on its first page, the AMO, whose boxes have no number, on its second.
_GROUPS = (
    (
        _("Régime général et formation professionnelle"),
        ((Box.PF, "1"), (Box.SOCIAL_BENEFITS, "2"), (Box.TFP, "8")),
    ),
    (
        _("Assurance maladie obligatoire (AMO)"),
        ((Box.AMO_SOLIDARITY, ""), (Box.AMO, "")),
    ),
)
_BOX_OF = {rule.branch: rule.box for rule in RULES}


def slip(employer: AffiliateFacts, facts: SlipFacts, *, on: date) -> Document:
    """The payment slip (BPC) as it stands on ``on``: boxes, branches, references and how to pay."""
    settled = facts.state is SlipState.PAID or not facts.outstanding
    with translation.override("fr"):
        groups = [(heading, _boxes(facts, boxes)) for heading, boxes in _GROUPS]
        context = {
            "title": _("Bordereau de paiement des cotisations"),
            "number": facts.payment_reference,
            "created": facts.issued_on.isoformat(),
            "issued": facts.issued_on,
            "facts": facts,
            "on": on,
            "rows": identity(employer)[:4],
            "groups": [(heading, boxes) for heading, boxes in groups if boxes],
            "changes": [(label, amount) for label, amount in _changes(facts) if amount],
            # What a dispute holds stays due but is not claimed for now.
            "claimed": max(facts.outstanding - facts.held, Decimal("0.00")),
            "is_settled": settled,
            # A slip that must not be paid does not say how to pay it.
            "is_payable": not settled and not facts.replaced_by,
            "qr": qr_code(facts.payment_reference),
        }
        return _document(
            "certificates/pdf/slip.html", context, facts.payment_reference, name="bordereau-"
        )


def _changes(facts: SlipFacts) -> list[tuple[str, Decimal]]:
    """What happened to the total since the slip was issued; each as shown under it."""
    return [
        (_("Déjà payé"), facts.paid),
        (_("Accordé après réclamation"), facts.credited),
    ]


def _boxes(facts: SlipFacts, boxes: tuple[tuple[Box, str], ...]) -> list[SlipBox]:
    drawn = []
    for box, number in boxes:
        lines = tuple(line for line in facts.lines if _BOX_OF[Branch(line.branch)] is box)
        if lines:
            drawn.append(SlipBox(number, box.label, lines))
    return drawn


# --------------------------------------------------------------------------------------------- common parts


def _document(
    template: str, context: dict[str, Any], number: str, *, name: str = "", digest: str = ""
) -> Document:
    html = render_to_string(template, {**context, "mark": _mark(), "band": _band()})
    identifier = (
        digest[: printing.IDENTIFIER_BYTES * 2]
        or number.encode().hex()[: printing.IDENTIFIER_BYTES * 2]
    )
    return Document(
        html, f"{name}{number}.pdf", identifier.ljust(printing.IDENTIFIER_BYTES * 2, "0")
    )


@cache
def _mark() -> str:
    return _as_data(_drawing("mark.svg"))


@cache
def _band() -> str:
    """The band of the portal, as many times as the width of the paper takes."""
    motif = _drawing("band.svg").partition(">")[2].removesuffix("</svg>")
    times = 16
    motifs = "".join(
        f'<g transform="translate({48 * rank} 0)">{motif}</g>' for rank in range(times)
    )
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {48 * times} 6" preserveAspectRatio="none">'
    return _as_data(f"{opening}{motifs}</svg>")


def _drawing(name: str) -> str:
    return (ROOT / "static" / "img" / name).read_text(encoding="utf-8").strip()


def _as_data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def qr_code(text: str) -> str:
    """A QR code as the data address of an SVG image; level M, with its quiet zone."""
    # Only who draws a square pays its three megabytes.
    import segno

    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", border=2, omitsize=True, dark="#14262b"
    )
    return _as_data(drawn.getvalue().decode())


def pdf(document: Document) -> bytes:
    """Return the PDF/A-3a of a document; the same document gives the same bytes.

    Raises DocumentNotReady when the press refuses it, dies or takes too long.
    """
    first = draw(document, 0)
    if not document.parts:
        return first
    return printing.bind(
        [first, *(draw(document, rank) for rank in range(1, len(document.parts) + 1))]
    )


def draw(document: Document, rank: int) -> bytes:
    """The PDF of one part: 0 is the certificate, then those of its list. Raises DocumentNotReady."""
    identifier = bytes.fromhex(document.identifier)
    if rank:
        return printing.print_pdf(document.parts[rank - 1], identifier, is_list=True)
    return printing.print_pdf(document.html, identifier)
