"""Refusals of the register."""

from affiliates.errors.posts import OwnPost as OwnPost
from affiliates.errors.posts import PostGone as PostGone
from affiliates.errors.posts import PostMissing as PostMissing
from regulation.errors import DomainError
from regulation.text import _


class ScopeMissing(DomainError):
    """The person may see this affiliate, but not do this."""

    code = "affiliate.scope_missing"
    message = _(
        "Votre rôle ou votre mandat pour {name} ne permet pas de : {scope}. "
        "Demandez ce droit au responsable de l’entreprise ; la page « Accès » dit qui il est."
    )


class AlreadyAffiliated(DomainError):
    """The affiliation number is taken by another employer."""

    code = "affiliate.number_taken"
    message = _("Le numéro d’affiliation {number} est déjà attribué à {name}.")


class UnknownKey(DomainError):
    """The last digit of an affiliation number follows neither series."""

    code = "affiliate.key_unknown"
    message = _("La clé du numéro d’affiliation {number} n’est celle d’aucune série : vérifiez-le.")


class LastOwner(DomainError):
    """A firm never stays without anyone who manages its access."""

    code = "membership.last_owner"
    message = _(
        "{person} est le seul responsable de {name} : désignez d’abord un autre responsable."
    )


class MandateOverlaps(DomainError):
    """The representative already holds a mandate for these days."""

    code = "mandate.overlap"
    message = _(
        "{representative} a déjà un mandat pour ces dates : retirez-le d’abord, ou choisissez d’autres dates."
    )


class MandateRequestClosed(DomainError):
    """The request was already answered or taken back."""

    code = "mandate.request_closed"
    message = _(
        "Cette demande de mandat est « {state} » : il n’y a plus rien à y répondre. Rechargez la page."
    )
    translated = ("state",)


class MandateInThePast(DomainError):
    """A mandate that would begin before today."""

    code = "mandate.past"
    message = _("Un mandat commence aujourd’hui ou plus tard : choisissez le {today} ou après.")


class OfficeUnknown(DomainError):
    """No office has this number."""

    code = "mandate.office_unknown"
    message = _(
        "Aucun cabinet n’a le numéro {number}. Le cabinet le lit en haut de sa page « Mandats »."
    )


class StatusOverlaps(DomainError):
    """The same status already covers some of these days."""

    code = "affiliate.status_overlap"
    message = _("{name} a déjà ce statut pour une partie de ces dates.")


class DaysReversed(DomainError):
    """An end before its start."""

    code = "days.reversed"
    message = _("La fin ({end}) ne peut pas précéder le début ({start}).")


class MandateEmpty(DomainError):
    """A mandate that allows nothing, or more than a mandate may."""

    code = "mandate.scopes"
    message = _(
        "Un mandat permet au moins un acte ; gérer les accès reste au responsable de l’entreprise."
    )


class RegistrationNumberTaken(DomainError):
    """The registration number belongs to someone else."""

    code = "employee.number_taken"
    message = _("Le numéro d’immatriculation {number} appartient déjà à une autre personne.")


class DecisionMissing(DomainError):
    """A takeover without the decision that grants it."""

    code = "takeover.decision_missing"
    message = _("Indiquez la référence de la décision qui accorde la prise en charge par l’État.")


class TakeoverBeforeHire(DomainError):
    """The State takes over no month before the hire."""

    code = "takeover.before_hire"
    message = _(
        "{person} est entré chez {name} en {hired} : la prise en charge ne peut pas commencer en {first}."
    )


class TakeoverTooLong(DomainError):
    """More months than the programme allows for one employment."""

    code = "takeover.too_long"
    message = _(
        "La prise en charge ferait {asked} mois ; le programme en accorde {limit} au plus par salarié : "
        "choisissez une fin plus proche."
    )


class TakeoverTooMany(DomainError):
    """More hires than the programme allows for one affiliate."""

    code = "takeover.too_many"
    message = _(
        "{name} a déjà {limit} embauches prises en charge par l’État, le plus que le programme accorde."
    )


class TakeoverOverlaps(DomainError):
    """Some of these months are already taken over for this employment."""

    code = "takeover.overlap"
    message = _(
        "{person} a déjà une prise en charge pour une partie de ces mois : choisissez d’autres mois."
    )


class AlreadyEmployed(DomainError):
    """The person already works there."""

    code = "employment.open"
    message = _("{person} travaille déjà pour {name} depuis le {since}.")


class RequestMoveRefused(DomainError):
    """The state of the request does not allow this."""

    code = "request.move"
    message = _(
        "Cette demande est « {state} » : elle ne peut plus être traitée ainsi. Rechargez la page pour voir où "
        "elle en est."
    )


class PersonFault(DomainError):
    """Something in what is said of a person; each subclass names its field."""

    field: str = ""


class CardRefused(PersonFault):
    """The number of a residence card is not written as one."""

    code = "person.card"
    field = "card_number"
    message = _(
        "Le numéro du titre de séjour « {value} » n’est pas valide : de quatre à huit lettres ou chiffres, "
        "comme sur la carte."
    )


class CardKindRefused(PersonFault):
    """A Moroccan with a residence card, or a foreigner with a national card."""

    code = "person.card_kind"
    field = "card_kind"
    message = _(
        "La carte nationale prouve l’identité d’un Marocain, le titre de séjour celle d’un étranger : corrigez "
        "la pièce ou la nationalité."
    )


class NameMissing(PersonFault):
    """A name is missing."""

    code = "person.name_missing"
    message = _("Écrivez le nom et le prénom tels qu’ils figurent sur la pièce d’identité.")


class NameNotLatin(PersonFault):
    """A name in French holds something else than Latin letters."""

    code = "person.name_latin"
    message = _(
        "« {value} » : écrivez ce nom en lettres latines, avec espaces, traits d’union et apostrophes seulement."
    )


class NameNotArabic(PersonFault):
    """A name in Arabic holds something else than Arabic letters."""

    code = "person.name_arabic"
    message = _(
        "« {value} » : écrivez ce nom en lettres arabes ; il est obligatoire pour un Marocain, comme sur sa carte."
    )


class BirthRefused(PersonFault):
    """Too young to work at the hire, or a day of birth that cannot be."""

    code = "person.birth"
    field = "born_on"
    message = _(
        "Né le {born}, la personne aurait {age} ans à l’embauche : l’âge minimum est {minimum} ans. "
        "Vérifiez les deux dates."
    )


class HireDayRefused(PersonFault):
    """A hire before the firm existed for the fund, or too far ahead."""

    code = "person.hire_day"
    field = "hired_on"
    message = _("Le jour d’embauche va du {first} au {last} : corrigez-le.")


class PhoneRefused(PersonFault):
    """Not a telephone number."""

    code = "person.phone"
    field = "phone"
    message = _(
        "Le numéro de téléphone « {value} » n’est pas valide : dix chiffres comme 0612345678, ou + et l’indicatif."
    )


class PersonIncomplete(DomainError):
    """The request still has faults; each is shown on its field."""

    code = "registration.incomplete"
    message = _("Complétez ou corrigez ce qui est signalé, puis envoyez la demande.")


class CardAlreadyRequested(DomainError):
    """The same firm already asks for the same person."""

    code = "registration.already_requested"
    message = _(
        "Vous avez déjà une demande pour cette pièce d’identité ({number}) : suivez-la au lieu d’en envoyer une autre."
    )


class AlreadyYourEmployee(DomainError):
    """The person is already in the firm's own list."""

    code = "registration.already_employed"
    message = _(
        "Cette personne est déjà dans votre liste sous le numéro {registration_number} : déclarez-la avec ce numéro."
    )


class PieceMissing(DomainError):
    """A request without the copy of the card, or an answer without anything."""

    code = "registration.piece_missing"
    message = _("Joignez la copie de la pièce d’identité, recto et verso.")


class ProofMissing(PieceMissing):
    """A correction or an affiliation asked, or an answer to the fund, without any proof of it."""

    code = "request.proof_missing"
    message = _("Joignez ce qui le prouve : au moins un fichier PDF, PNG ou JPEG.")


class ReasonMissing(DomainError):
    """A refusal or a request for a piece says nothing."""

    code = "request.reason_missing"
    message = _(
        "Écrivez au demandeur ce qui manque ou pourquoi, en une phrase qu’il puisse suivre."
    )


class PersonExists(DomainError):
    """The card is already that of an insured person: no second number."""

    code = "registration.person_exists"
    message = _(
        "La pièce d’identité est déjà celle de l’assuré {registration_number} : communiquez ce numéro au lieu "
        "d’en créer un second."
    )


class NotSamePerson(DomainError):
    """A clerk chose someone whom nothing likens to the person of the request."""

    code = "registration.not_same_person"
    message = _(
        "L’assuré {registration_number} ne ressemble pas à la personne de la demande : choisissez-le parmi les "
        "ressemblances montrées."
    )


class NumbersExhausted(DomainError):
    """A series of numbers has come to its end."""

    code = "numbers.exhausted"
    message = _("La série des {series} est épuisée : prévenez l’administrateur du portail.")


class AbsenceOutside(DomainError):
    """An absence before the hire or after the departure."""

    code = "absence.outside"
    message = _(
        "{person} travaille chez vous depuis le {start} : l’absence doit tomber pendant cet emploi."
    )


class AbsenceOverlaps(DomainError):
    """Another absence already covers some of these days."""

    code = "absence.overlap"
    message = _(
        "{person} a déjà une absence pour une partie de ces jours : corrigez les dates, ou annulez l’autre d’abord."
    )


class AuthorityMoveRefused(DomainError):
    """The authority is not in a state that allows this."""

    code = "authority.move_refused"
    message = _(
        "Ce mandat est « {state} » : on ne peut plus le {act}. Rechargez la page pour voir où il en est."
    )
    translated = ("state", "act")


class AuthorityExists(DomainError):
    """The same account is already under an authority of this affiliate."""

    code = "authority.exists"
    message = _(
        "Ce compte a déjà un mandat de prélèvement ({reference}). Ouvrez-le, ou révoquez-le d’abord."
    )


class AuthorityCapMissing(DomainError):
    """An authority without a cap, or with one of nothing."""

    code = "authority.cap"
    message = _(
        "Indiquez le plus gros prélèvement que vous acceptez, en dirhams, au-dessus de zéro."
    )


class TooManyAuthorities(DomainError):
    """More authorities than references exist for one affiliate."""

    code = "authority.too_many"
    message = _("Cette entreprise a déjà fait {count} mandats : écrivez à votre agence.")


class TaxIdRefused(DomainError):
    """Not the digits of an IF."""

    code = "firm.tax_id"
    message = _("L’identifiant fiscal « {value} » n’est pas valide : sept ou huit chiffres.")


class FirstHireRefused(DomainError):
    """A first hire too far in the past or in the future."""

    code = "firm.first_hire"
    message = _("Le jour de la première embauche va du {first} au {last} : corrigez-le.")


class FirmExists(DomainError):
    """The ICE is already that of an affiliate: no second affiliation."""

    code = "affiliation.firm_exists"
    message = _(
        "Cet ICE est déjà celui de {name}, affilié sous le numéro {number} : refusez la demande et dites-le."
    )


class InvitationClosed(DomainError):
    """The link was used, taken back or has expired."""

    code = "invitation.closed"
    message = _(
        "Cette invitation a déjà servi, a été retirée ou a expiré. Demandez-en une nouvelle à qui vous a invité."
    )


class InvitationForAnother(DomainError):
    """Signed in as somebody else than the one invited."""

    code = "invitation.for_another"
    message = _(
        "Cette invitation est adressée à un autre compte que le vôtre : déconnectez-vous, puis rouvrez le lien."
    )


class AlreadyMember(DomainError):
    """The person invited already acts for the firm."""

    code = "invitation.already_member"
    message = _("{email} a déjà accès à {name}.")


class CellMissing(DomainError):
    """A cell of a sheet of new hires that must be filled is empty."""

    code = "hire_sheet.cell_missing"
    message = _("Cette cellule est vide : écrivez {form}.")
    translated = ("form",)


class CellNotRead(DomainError):
    """A cell of a sheet of new hires holds no value of its column."""

    code = "hire_sheet.cell_not_read"
    message = _("La cellule contient {nature} qui ne se lit pas ici : écrivez {form}.")
    translated = ("nature", "form")


class CellIsFormula(DomainError):
    """A cell of a sheet of new hires holds a formula."""

    code = "hire_sheet.formula"
    message = _(
        "C’est une formule, et le portail n’en lit pas : copiez la colonne, puis « Collage spécial », « Valeurs »."
    )


class CellRounded(DomainError):
    """A spreadsheet kept fifteen digits of a number that has more."""

    code = "hire_sheet.rounded"
    message = _(
        "Le tableur a arrondi ce numéro : donnez à la cellule le format « Texte », puis écrivez-le de nouveau."
    )


class CellTooLong(DomainError):
    """A text longer than its column."""

    code = "hire_sheet.too_long"
    message = _("Ce texte dépasse {limit} caractères : abrégez-le.")


class CardTwiceInSheet(DomainError):
    """Two rows of a sheet of new hires name the same card."""

    code = "hire_sheet.card_twice"
    message = _(
        "La ligne {row} porte déjà cette pièce d’identité : gardez une seule ligne par personne."
    )


class SheetWithoutPeople(DomainError):
    """A sheet of new hires without a row."""

    code = "hire_sheet.empty"
    message = _(
        "Ce tableur ne contient aucune personne : écrivez une ligne par salarié sous les titres, puis déposez-le."
    )


class TooManyInSheet(DomainError):
    """A sheet of new hires with more rows than are taken at once."""

    code = "hire_sheet.too_many"
    message = _(
        "Ce tableur a plus de {limit} personnes, le plus qu’un dépôt reçoit. Rien n’a été gardé : partagez-le en "
        "plusieurs fichiers."
    )


class NothingToRectify(DomainError):
    """A request for a correction that changes nothing."""

    code = "rectification.nothing"
    message = _("Rien ne change : écrivez au moins une valeur différente de celle du registre.")


class RectificationOpen(DomainError):
    """The firm already asks for a correction of the same record."""

    code = "rectification.open"
    message = _(
        "Une demande de rectification de cette fiche est déjà en cours. Attendez sa réponse, ou retirez-la."
    )


class ValueRefused(DomainError):
    """A value that the register cannot hold in that field."""

    code = "rectification.value"
    message = _("« {value} » ne convient pas pour « {field} ».")
    translated = ("field",)


class CardOfAnother(DomainError):
    """The corrected card is that of somebody else in the register."""

    code = "rectification.card_of_another"
    message = _(
        "Cette pièce d’identité est déjà celle d’un autre assuré. Comparez les deux fiches avant de corriger."
    )


class NotAtAnAgency(DomainError):
    """A member of staff without a post at an agency."""

    code = "recovery.no_agency"
    message = _("Seule une personne affectée à une agence peut faire cela.")


class AccountUnknown(DomainError):
    """No open account has this address."""

    code = "recovery.unknown"
    message = _(
        "Aucun compte ouvert n’a cette adresse. Vérifiez l’adresse avec la personne ; si elle en a changé, "
        "un responsable de son entreprise peut l’inviter à la nouvelle."
    )


class OwnAccount(DomainError):
    """Nobody sees to their own account."""

    code = "recovery.own"
    message = _("Personne ne rouvre son propre compte : demandez à deux collègues.")


class RecoveryOpen(DomainError):
    """A request for this account is open already."""

    code = "recovery.open"
    message = _(
        "Une récupération de ce compte est déjà en cours : décidez-la, ou refusez-la d’abord."
    )


class RecoveryClosed(DomainError):
    """The request was decided, used or stopped, or its link has expired."""

    code = "recovery.closed"
    message = _(
        "Cette récupération n’est plus ouverte : elle a servi, a été arrêtée ou son lien a expiré."
    )


class RecoveryElsewhere(DomainError):
    """The request belongs to another agency."""

    code = "recovery.elsewhere"
    message = _("Cette récupération se décide à l’agence qui a vu la personne.")


class SamePerson(DomainError):
    """Whoever asked does not approve."""

    code = "recovery.same_person"
    message = _(
        "Vous avez ouvert cette demande : une seconde personne de l’agence doit l’approuver."
    )
