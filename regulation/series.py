"""What each series of the tables is: its French title, its unit and its theme.

The values are in `parameters/*.toml`; the titles are here so that the message
extractor finds them.
"""

from dataclasses import dataclass

from regulation.enums import LabelledEnum
from regulation.text import _


class Theme(LabelledEnum):
    """A chapter of the public page of the law."""

    CONTRIBUTIONS = "contributions", _("Cotisations")
    PENALTIES = "penalties", _("Retards, astreintes et recouvrement")
    CALENDAR = "calendar", _("Délais et télédéclaration")
    MINIMUM_WAGES = "minimum_wages", _("Salaires minimaux")
    FAMILY_ALLOWANCES = "family_allowances", _("Allocations familiales")
    OTHER_REGIMES = "other_regimes", _("Autres régimes")
    DISPUTES = "disputes", _("Réclamations et recours")
    CERTIFICATES = "certificates", _("Attestations")


class Unit(LabelledEnum):
    """What a value counts."""

    PERCENT = "percent", _("%")
    DIRHAMS = "dirhams", _("DH")
    DIRHAMS_A_MONTH = "dirhams_a_month", _("DH par mois")
    DIRHAMS_AN_HOUR = "dirhams_an_hour", _("DH par heure")
    DIRHAMS_A_DAY = "dirhams_a_day", _("DH par jour")
    DAYS = "days", _("jours")
    WORKING_DAYS = "working_days", _("jours ouvrés")
    MONTHS = "months", _("mois")
    YEARS = "years", _("ans")
    HOURS = "hours", _("heures")
    PEOPLE = "people", _("personnes")
    DAY_OF_MONTH = "day_of_month", _("jour du mois")
    COEFFICIENT = "coefficient", _("fois le salaire minimum")
    COUNT = "count", _("fois")
    CHOICE = "choice", _("choix")

    @property
    def is_money(self) -> bool:
        """Whether values are written with two decimals."""
        return self in _TWO_DECIMALS


_TWO_DECIMALS = frozenset(
    {
        Unit.PERCENT,
        Unit.DIRHAMS,
        Unit.DIRHAMS_A_MONTH,
        Unit.DIRHAMS_AN_HOUR,
        Unit.DIRHAMS_A_DAY,
        Unit.COEFFICIENT,
    }
)


@dataclass(frozen=True, slots=True)
class Series:
    """A named parameter of the law, whose values are dated."""

    title: str
    unit: Unit
    theme: Theme


def _contributions(title: str, unit: Unit = Unit.PERCENT) -> Series:
    return Series(title, unit, Theme.CONTRIBUTIONS)


def _penalties(title: str, unit: Unit = Unit.PERCENT) -> Series:
    return Series(title, unit, Theme.PENALTIES)


def _calendar(title: str, unit: Unit) -> Series:
    return Series(title, unit, Theme.CALENDAR)


def _family(title: str, unit: Unit) -> Series:
    return Series(title, unit, Theme.FAMILY_ALLOWANCES)


def _other(title: str, unit: Unit = Unit.PERCENT) -> Series:
    return Series(title, unit, Theme.OTHER_REGIMES)


def _disputes(title: str, unit: Unit) -> Series:
    return Series(title, unit, Theme.DISPUTES)


def _certificates(title: str) -> Series:
    return Series(title, Unit.MONTHS, Theme.CERTIFICATES)


SERIES: dict[str, Series] = {
    "certificate.standing_months": _certificates(_("Régularité : derniers mois échus regardés")),
    "certificate.standing_validity": _certificates(_("Régularité : durée d’une attestation")),
    "ceiling.monthly": _contributions(_("Plafond mensuel du salaire"), Unit.DIRHAMS_A_MONTH),
    "rate.pf.employer": _contributions(_("Prestations familiales, part patronale")),
    "rate.ct.employer": _contributions(_("Court terme, part patronale")),
    "rate.ct.employee": _contributions(_("Court terme, part salariale")),
    "rate.ipe.employer": _contributions(_("Perte d’emploi, part patronale")),
    "rate.ipe.employee": _contributions(_("Perte d’emploi, part salariale")),
    "rate.lt.employer": _contributions(_("Long terme, part patronale")),
    "rate.lt.employee": _contributions(_("Long terme, part salariale")),
    "rate.amo.employer": _contributions(_("AMO, part patronale")),
    "rate.amo.employee": _contributions(_("AMO, part salariale")),
    "rate.amo_solidarity.employer": _contributions(_("Solidarité AMO, part patronale")),
    "rate.tfp.employer": _contributions(_("Taxe de formation professionnelle, part patronale")),
    "days.monthly_maximum": _contributions(_("Jours déclarés par mois, au plus"), Unit.DAYS),
    "takeover.max_employees": _contributions(
        _("Prise en charge par l’État : embauches, au plus"), Unit.PEOPLE
    ),
    "takeover.months": _contributions(_("Prise en charge par l’État : durée"), Unit.MONTHS),
    "policy.takeover.branches": _contributions(
        _("Prise en charge par l’État : branches concernées"), Unit.CHOICE
    ),
    "policy.ceiling.part_month": _contributions(_("Plafond d’un mois incomplet"), Unit.CHOICE),
    "policy.ceiling.several_employers": _contributions(
        _("Plafond d’un salarié de plusieurs employeurs"), Unit.CHOICE
    ),
    "policy.rounding.unit": _contributions(_("Unité d’arrondi au centime"), Unit.CHOICE),
    "policy.status.day": _contributions(_("Jour qui fixe le statut du mois"), Unit.CHOICE),
    "surcharge.general.first_month": _penalties(
        _("Majoration du régime général, premier mois de retard")
    ),
    "surcharge.general.next_months": _penalties(
        _("Majoration du régime général, chaque mois suivant")
    ),
    "surcharge.amo.first_month": _penalties(_("Majoration de l’AMO, premier mois de retard")),
    "surcharge.amo.next_months": _penalties(_("Majoration de l’AMO, chaque mois suivant")),
    "surcharge.tfp.first_month": _penalties(_("Majoration de la TFP, premier mois de retard")),
    "surcharge.tfp.next_months": _penalties(_("Majoration de la TFP, chaque mois suivant")),
    "policy.surcharge.months": _penalties(_("Décompte des mois de retard"), Unit.CHOICE),
    "policy.surcharge.fraction": _penalties(_("Mois de retard incomplet"), Unit.CHOICE),
    "policy.surcharge.rate_day": _penalties(_("Jour qui fixe le taux d’un mois"), Unit.CHOICE),
    "policy.payment.day": _penalties(_("Jour de paiement retenu"), Unit.CHOICE),
    "policy.payment.imputation": _penalties(_("Ordre d’imputation d’un paiement"), Unit.CHOICE),
    "filing_penalty.per_employee": _penalties(
        _("Astreinte par salarié et par mois commencé"), Unit.DIRHAMS
    ),
    "filing_penalty.cap": _penalties(_("Plafond de l’astreinte"), Unit.DIRHAMS),
    "filing_penalty.omitted_employee": _penalties(
        _("Astreinte par salarié omis ou minoré"), Unit.DIRHAMS
    ),
    "e_filing_penalty.per_employee": _penalties(
        _("Absence de télédéclaration, par salarié"), Unit.DIRHAMS
    ),
    "e_filing_penalty.cap": _penalties(_("Absence de télédéclaration, plafond"), Unit.DIRHAMS),
    "e_payment_penalty.per_employee": _penalties(
        _("Absence de télépaiement, par salarié"), Unit.DIRHAMS
    ),
    "e_payment_penalty.cap": _penalties(_("Absence de télépaiement, plafond"), Unit.DIRHAMS),
    "policy.filing_penalty.cap_scope": _penalties(
        _("Portée du plafond de l’astreinte"), Unit.CHOICE
    ),
    "policy.filing_penalty.scope": _penalties(_("Objet de l’astreinte"), Unit.CHOICE),
    "policy.filing_penalty.employees": _penalties(
        _("Salariés comptés pour l’astreinte"), Unit.CHOICE
    ),
    "filing_penalty.payable_days": _penalties(_("Délai de paiement de l’astreinte"), Unit.DAYS),
    "concealed_employee.rate": _penalties(
        _("Sanction des salariés dissimulés, part des cotisations")
    ),
    "recovery.objection_days": _penalties(_("Délai pour contester un relevé"), Unit.DAYS),
    "filing_penalty.notice_months": _penalties(
        _("Notification des astreintes, tous les"), Unit.MONTHS
    ),
    "recovery.reminder_months": _penalties(
        _("Rappel formel à partir de mois impayés"), Unit.MONTHS
    ),
    "recovery.next_stage_days": _penalties(_("Étape suivante après le rappel"), Unit.DAYS),
    "recovery.command_days": _penalties(_("Commandement après l’échéance du relevé"), Unit.DAYS),
    "recovery.last_notice_days": _penalties(_("Délai du dernier avis sans frais"), Unit.DAYS),
    "recovery.command_fee": _penalties(_("Frais de commandement")),
    "recovery.prescription_years": _penalties(_("Prescription du recouvrement"), Unit.YEARS),
    "plan.minimum_instalment": _penalties(
        _("Échéance minimale d’un plan de paiement"), Unit.DIRHAMS_A_MONTH
    ),
    "plan.surcharge_remission": _penalties(
        _("Remise des majorations d’un plan de paiement respecté")
    ),
    "due.day_of_next_month": _calendar(
        _("Échéance : jour du mois suivant la période"), Unit.DAY_OF_MONTH
    ),
    "policy.due.closed_day": _calendar(_("Échéance un jour non ouvré"), Unit.CHOICE),
    "reminder.first_days_before": _calendar(
        _("Premier rappel : jours avant l’échéance"), Unit.DAYS
    ),
    "reminder.last_days_before": _calendar(_("Dernier rappel : jours avant l’échéance"), Unit.DAYS),
    "late_filing.retry_days": _calendar(
        _("Dépôt empêché par le portail : jours pour le refaire"), Unit.DAYS
    ),
    "debit.cutoff_hour": _calendar(
        _("Télépaiement : heure limite, la veille ouvrée du prélèvement"), Unit.HOURS
    ),
    "debit.horizon_days": _calendar(
        _("Télépaiement : jour de prélèvement le plus lointain, après aujourd’hui"), Unit.DAYS
    ),
    "debit.notice_days": _calendar(
        _("Télépaiement : avis avant le prélèvement, au moins"), Unit.WORKING_DAYS
    ),
    "debit.silence_days": _calendar(
        _("Télépaiement : silence de la banque signalé après"), Unit.WORKING_DAYS
    ),
    "affiliation.days": _calendar(_("Délai d’affiliation et d’immatriculation"), Unit.DAYS),
    "recovery.link_hours": _calendar(
        _("Compte rouvert à l’agence : durée du lien envoyé"), Unit.HOURS
    ),
    "recovery.quiet_hours": _calendar(
        _("Compte rouvert à l’agence : sans paiement ni droit donné"), Unit.HOURS
    ),
    "access.review_days": _calendar(
        _("Personnel de la Caisse : chaque accès revu tous les"), Unit.DAYS
    ),
    "change_notice.months": _calendar(_("Délai pour signaler un changement"), Unit.MONTHS),
    "registration.processing_hours": _calendar(
        _("Délai de traitement d’une immatriculation"), Unit.HOURS
    ),
    "registration.archive_days": _calendar(
        _("Délai d’immatriculation avec recherche aux archives"), Unit.DAYS
    ),
    "e_filing.minimum_employees_new": _calendar(
        _("Télédéclaration obligatoire, affiliés nouveaux ou réactivés, à partir de"), Unit.PEOPLE
    ),
    "e_filing.minimum_employees": _calendar(
        _("Télédéclaration obligatoire à partir de"), Unit.PEOPLE
    ),
    "registration.minimum_age": _calendar(
        _("Immatriculation : âge minimum à l’embauche"), Unit.YEARS
    ),
    "registration.days_ahead": _calendar(
        _("Immatriculation : embauche annoncée d’avance, au plus"), Unit.DAYS
    ),
    "invitation.days": _calendar(_("Invitation : durée du lien"), Unit.DAYS),
    "affiliation.draft_days": _calendar(
        _("Demande d’affiliation jamais confirmée : oubliée après"), Unit.DAYS
    ),
    "affiliation.nudge_first": _calendar(
        _("Affilié qui n’a rien déclaré : premier rappel après"), Unit.DAYS
    ),
    "affiliation.nudge_every": _calendar(
        _("Affilié qui n’a rien déclaré : rappels suivants, tous les"), Unit.DAYS
    ),
    "affiliation.nudge_most": _calendar(
        _("Affilié qui n’a rien déclaré : rappels, au plus"), Unit.COUNT
    ),
    "dispute.first_answer": _disputes(
        _("Réclamation : délai de la première réponse"), Unit.WORKING_DAYS
    ),
    "dispute.decision": _disputes(_("Réclamation : délai de la décision"), Unit.DAYS),
    "dispute.second_person_above": _disputes(
        _("Réclamation : montant contesté au-delà duquel une seconde personne décide"),
        Unit.DIRHAMS,
    ),
    "dispute.conciliation_months": _disputes(
        _("Conciliation : délai après la dernière réponse de la Caisse"), Unit.MONTHS
    ),
    "dispute.appeal": _disputes(
        _("Réclamation : délai pour demander un second examen par d’autres personnes"), Unit.DAYS
    ),
    "dispute.smallest_cell": _disputes(
        _("Chiffres publics des réclamations : un nombre plus petit n’est pas publié"), Unit.COUNT
    ),
    "suspense.second_person_above": _disputes(
        _("Versement à identifier : montant au-delà duquel deux personnes l’affectent"),
        Unit.DIRHAMS,
    ),
    "suspense.write_off_up_to": _disputes(
        _("Différence que deux personnes peuvent abandonner, au plus"), Unit.DIRHAMS
    ),
    "suspense.double_payment_days": _disputes(
        _("Double paiement probable : jours entre les deux, au plus"), Unit.DAYS
    ),
    "mission.notice": _disputes(
        _("Contrôle : préavis entre l’ordre de mission et la première visite"), Unit.WORKING_DAYS
    ),
    "mission.reply": _disputes(
        _("Contrôle : délai de réponse à la lettre d’observations"), Unit.DAYS
    ),
    "smig.hourly": Series(_("SMIG (hors agriculture)"), Unit.DIRHAMS_AN_HOUR, Theme.MINIMUM_WAGES),
    "smig.monthly_hours": Series(_("SMIG : heures par mois"), Unit.HOURS, Theme.MINIMUM_WAGES),
    "smag.daily": Series(_("SMAG (agriculture)"), Unit.DIRHAMS_A_DAY, Theme.MINIMUM_WAGES),
    "smag.monthly_days": Series(_("SMAG : jours par mois"), Unit.DAYS, Theme.MINIMUM_WAGES),
    "family_allowance.children_1_to_3": _family(
        _("Allocation par enfant, du premier au troisième"), Unit.DIRHAMS_A_MONTH
    ),
    "family_allowance.children_4_to_6": _family(
        _("Allocation par enfant, du quatrième au sixième"), Unit.DIRHAMS_A_MONTH
    ),
    "family_allowance.max_children": _family(_("Enfants ouvrant droit, au plus"), Unit.PEOPLE),
    "family_allowance.insured_days": _family(_("Jours d’assurance exigés"), Unit.DAYS),
    "family_allowance.wage_test": _family(_("Salaire mensuel minimal exigé"), Unit.DIRHAMS_A_MONTH),
    "family_allowance.wage_test_share": _family(
        _("Salaire minimal exigé, part du SMIG ou du SMAG"), Unit.PERCENT
    ),
    "family_allowance.age": _family(_("Âge limite de l’enfant"), Unit.YEARS),
    "family_allowance.age_apprentice": _family(_("Âge limite de l’apprenti"), Unit.YEARS),
    "family_allowance.age_student": _family(_("Âge limite de l’étudiant"), Unit.YEARS),
    "family_allowance.insured_months": _family(
        _("Mois civils pour réunir les jours d’assurance"), Unit.MONTHS
    ),
    "family_allowance.back_months": _family(_("Demande tardive : rappel, au plus"), Unit.MONTHS),
    "family_allowance.claim_months": _family(_("Délai de demande après la naissance"), Unit.MONTHS),
    "rate.fishing.trawler": _other(_("Pêche, chalutiers : part des ventes")),
    "rate.fishing.other": _other(_("Pêche, autres bateaux : part des ventes")),
    "rate.fishing_amo.trawler": _other(_("AMO de la pêche, chalutiers")),
    "rate.fishing_amo.other": _other(_("AMO de la pêche, autres bateaux")),
    "rate.pensioner_amo": _other(_("AMO des pensionnés")),
    "rate.self_employed_amo": _other(_("AMO des travailleurs non salariés")),
    "rate.voluntary": _other(_("Assurance volontaire")),
    "voluntary.insured_days": _other(_("Assurance volontaire : jours exigés"), Unit.DAYS),
    "voluntary.request_months": _other(_("Assurance volontaire : délai de demande"), Unit.MONTHS),
    "rate.voluntary_amo": _other(_("Assurance volontaire : AMO")),
    "voluntary.unlimited_days": _other(
        _("Assurance volontaire : jours qui dispensent de délai"), Unit.DAYS
    ),
    "voluntary.reference_months": _other(
        _("Assurance volontaire : mois du salaire de référence"), Unit.MONTHS
    ),
    "voluntary.payment_months": _other(_("Assurance volontaire : mois par paiement"), Unit.MONTHS),
    "rate.domestic": _other(_("Travail domestique : total des cotisations")),
    "domestic.ex_officio_months": _other(
        _("Travail domestique : affiliation d’office après"), Unit.MONTHS
    ),
    "amo_achamil.monthly": _other(_("AMO Achamil, montant mensuel"), Unit.DIRHAMS_A_MONTH),
    "domestic.minimum_wage_share": _other(_("Travail domestique : salaire minimal, part du SMIG")),
    "domestic.affiliation_months": _other(
        _("Travail domestique : délai d’affiliation"), Unit.MONTHS
    ),
    "self_employed.coefficient.simplified": _other(
        _("Non-salariés, contribution professionnelle unique"), Unit.COEFFICIENT
    ),
    "self_employed.coefficient.accounts_low": _other(
        _("Non-salariés, comptabilité, bénéfice jusqu’à 100 000 DH"), Unit.COEFFICIENT
    ),
    "self_employed.coefficient.accounts_high": _other(
        _("Non-salariés, comptabilité, bénéfice au-delà de 100 000 DH"), Unit.COEFFICIENT
    ),
    "self_employed.coefficient.fishing_boat": _other(
        _("Non-salariés, armateurs de petits bateaux"), Unit.COEFFICIENT
    ),
    "self_employed.coefficient.adoul": _other(_("Non-salariés, adouls"), Unit.COEFFICIENT),
}

CHOICES: dict[str, str] = {
    "full_ceiling": _("le plafond entier s’applique à un mois incomplet"),
    "per_employer": _("un plafond par employeur"),
    "box": _("chaque rubrique du bordereau est arrondie une fois"),
    "first_day": _("le statut du premier jour vaut pour tout le mois"),
    "PF CT IPE LT TFP": _(
        "l’État prend en charge les prestations familiales, les prestations sociales et la TFP"
    ),
    "date_to_date": _("les mois courent de date à date, à partir du lendemain de l’échéance"),
    "started_month": _("chaque mois commencé compte"),
    "each_month": _("le plafond vaut pour chaque mois commencé"),
    "month_start": _("chaque mois porte le taux de son premier jour"),
    "channel_day": _("selon le moyen de paiement"),
    "oldest_principal_first": _("période la plus ancienne d’abord, principal avant majorations"),
    "declaration": _("une astreinte par déclaration"),
    "filed_or_last": _(
        "les salariés de la déclaration déposée ; tant qu’elle manque, ceux de la précédente"
    ),
    "unchanged": _("l’échéance n’est pas déplacée"),
}

HOLIDAYS: dict[str, str] = {
    "new_year": _("Nouvel An"),
    "independence_manifesto": _("Manifeste de l’Indépendance"),
    "amazigh_new_year": _("Nouvel An amazigh"),
    "labour_day": _("Fête du Travail"),
    "throne_day": _("Fête du Trône"),
    "oued_eddahab": _("Allégeance de Oued Eddahab"),
    "revolution_day": _("Révolution du Roi et du Peuple"),
    "youth_day": _("Fête de la Jeunesse"),
    "unity_day": _("Fête de l’Unité"),
    "green_march": _("Marche verte"),
    "independence_day": _("Fête de l’Indépendance"),
    "fitr": _("Aïd al-Fitr"),
    "adha": _("Aïd al-Adha"),
    "muharram": _("1er Moharram"),
    "mawlid": _("Aïd al-Mawlid"),
}

CAMPAIGNS: dict[str, str] = {
    "debts_1969_2002": _("Dettes de 1969 à 2002"),
    "debts_to_2016": _("Dettes de 2016 et avant"),
    "covid": _("Entreprises touchées par la Covid-19, dettes de juin 2020 et avant"),
    "debts_to_2024": _("Dettes de décembre 2024 et avant"),
}

CAMPAIGN_CONDITIONS: dict[str, str] = {
    "within_24_months": _("payé en 24 mois"),
    "from_25_to_42_months": _("payé en 25 à 42 mois"),
    "plan_up_to_60_months": _("plan de 60 mois au plus"),
    "full_payment": _("paiement intégral"),
    "plan_up_to_24_months": _("plan de 24 mois au plus"),
    "longer_plan": _("plan plus long"),
}
