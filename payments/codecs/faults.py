"""What a bank is told about its file: codes, French sentences, and the list of faults of one file.

Codes and sentences are those of docs/formats/cr1.md. A code that starts with ``E-`` refuses the whole file; ``F``
codes inform about a file that is accepted; ``L`` codes accompany the verdict of one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from regulation.money import format_amount
from regulation.text import _

LISTED_AT_MOST: Final = 100
"""A refusal lists this many faults, then counts the rest."""

QUOTED_AT_MOST: Final = 40
"""A faulty value is quoted up to this many characters: it may hold somebody's personal data."""

SENTENCES: Final[Mapping[str, str]] = {
    "E-F01": _(
        "Le fichier est vide. Déposez le fichier complet ; un jour sans mouvement s’envoie avec un total à zéro."
    ),
    "E-F02": _(
        "Le fichier pèse {taille} Mo ; la limite est de {limite} Mo. Découpez-le en plusieurs messages."
    ),
    "E-F03": _(
        "Format non reconnu : le début du fichier ne correspond à aucun des formats convenus avec votre banque "
        "({formats})."
    ),
    "E-F04": _(
        "Archive refusée : {cause} (un seul fichier, sans mot de passe, sans sous-dossier)."
    ),
    "E-F05": _(
        "XML mal formé, ligne {ligne}, colonne {colonne} : {detail}. Le fichier semble tronqué ou modifié."
    ),
    "E-F06": _(
        "Le fichier contient une déclaration DOCTYPE ou une entité : interdit pour des raisons de sécurité."
    ),
    "E-F07": _(
        "Caractères illisibles à l’octet {octet} : le contenu n’est pas en {encodage} comme annoncé."
    ),
    "E-F08": _(
        "Message {message} non accepté ici. Attendu : {attendus}. (camt.052 : relevé provisoire ; pacs et "
        "camt.056 : messages entre banques.)"
    ),
    "E-F09": _(
        "Non conforme au schéma {schema} : {element}, valeur « {valeur} », ligne {ligne} : {detail}."
    ),
    "E-F09a": _(
        "Non conforme au schéma {schema} : {element}, valeur « {valeur} », ligne {ligne} : {detail} (attendu : "
        "{attendus})."
    ),
    "F10": _("Fichier déjà reçu le {date}, récépissé {numero}. Aucun traitement supplémentaire."),
    "E-F11": _(
        "L’identifiant de message « {id} » a déjà servi le {date} pour un contenu différent. Renvoyez sous un "
        "nouvel identifiant."
    ),
    "E-F12": _("Le compte {compte} n’est pas un compte du fonds ouvert dans votre banque."),
    "E-F13": _("Devise {devise} : seules les opérations en MAD sont acceptées."),
    "E-F14": _(
        "Totaux inexacts : annoncé {n1} opérations / {s1} MAD, lu {n2} / {s2} MAD (écart {ecart})."
    ),
    "E-F15": _(
        "Soldes inexacts : {ouverture} + mouvements {mvt} = {calcul}, alors que le solde final annoncé est {final}."
    ),
    "E-F15i": _(
        "Soldes inexacts : {ouverture} + mouvements {mvt} = {calcul}, alors que le solde final annoncé est {final}. "
        "L’égalité est vraie si les opérations signalées comme annulations changent de sens : demandez à vos "
        "services quel sens porte une annulation."
    ),
    "F16": _(
        "Avertissement : relevé n° {recu} reçu, n° {attendu} attendu. Un relevé manque peut-être."
    ),
    "E-F17": _(
        "Message en plusieurs pages : page(s) {pages} non reçue(s). Rien n’est traité avant la dernière."
    ),
    "F18": _("Copie ou duplicata ({indicateur}) : enregistré pour information, aucun effet."),
    "E-F19f": _("Date {champ} = {date} : dans le futur."),
    "E-F19o": _("Date {champ} = {date} : antérieure de plus de {n} jours."),
    "E-F20": _(
        "Ce fichier émane de la banque {code_fichier} ; vous êtes connecté pour la banque {code_user}."
    ),
    "F21": _("Aucun mouvement dans ce fichier : pris en compte."),
    "E-F22": _("Ligne {ligne} : {longueur} caractères au lieu de {attendue}."),
    "E-F22c": _("Ligne {ligne} : {longueur} champs au lieu de {attendue}."),
    "E-F23": _("Enregistrement {code} inattendu ligne {ligne} (ordre attendu : {ordre})."),
    "E-F24": _("Rang {rang} absent ou répété."),
    "F25": _("Version {version} lue sans schéma de référence : schéma non vérifié."),
    "F26": _("Écart au schéma {schema} toléré par convention avec votre banque : {element}."),
    "F16b": _(
        "Avertissement : le solde d’ouverture {ouverture} ne suit pas le dernier solde final reçu {final}. "
        "Un relevé manque peut-être."
    ),
    "E-L01": _("Opération {rang} : montant illisible « {valeur} »."),
    "E-L02": _("Opération {rang} : montant nul ou négatif."),
    "E-L03": _("Opération {rang} : plus de deux décimales ({valeur})."),
    "E-L04": _("Opération {rang} : date {champ} invalide « {valeur} »."),
    "E-L05": _("Opération {rang} : sens (crédit ou débit) absent."),
    "F29": _(
        "Lecture arrêtée : {n1} opération(s) sur {n2} sont prises en compte et gardent leur réponse. Renvoyez les "
        "autres dans un nouveau message ; une opération renvoyée deux fois ne compte qu’une fois."
    ),
    "L06": _(
        "Opération {rang} : statut {statut}, non comptabilisée ; elle sera prise en compte quand elle le sera."
    ),
    "L07": _("Opération {rang} : date de valeur absente, date comptable retenue."),
    "L08": _("Opération {rang} : RIB du payeur {rib} : clé {cle} au lieu de {attendue}."),
    "L09": _(
        "Opération {rang} : aucune référence de paiement ; somme portée en attente d’identification."
    ),
    "L10": _("Opération {rang} : référence « {ref} » : chiffres de contrôle faux."),
    "L11": _("Opération {rang} : référence « {ref} » inconnue."),
    "L12": _("Opération {rang} : référence « {ref} » remplacée par « {ref2} »."),
    "L12c": _(
        "Opération {rang} : référence « {ref} » annulée ; somme portée au crédit de l’affilié."
    ),
    "L13": _("Opération {rang} : {montant} MAD reçus pour un ordre de {attendu} MAD."),
    "L14": _(
        "Opération {rang} : référence « {ref} » déjà soldée ; somme portée au crédit de l’affilié."
    ),
    "L28": _(
        "Opération {rang} : référence « {ref} » soldée ; {excedent} MAD en trop portés au crédit de l’affilié."
    ),
    "L27": _("Opération {rang} : référence « {ref} » payée en partie ; {reste} MAD restent dus."),
    "L15": _("Opération {rang} : affilié {a1} annoncé, référence de l’affilié {a2}."),
    "L16": _(
        "Opération {rang} : référence bancaire {ref} déjà reçue le {date} pour {montant} MAD ; montant différent."
    ),
    "L17": _("Opération {rang} : déjà reçue le {date}, fichier {fichier}. Aucun effet."),
    "L18": _(
        "Écriture {rang} : le détail totalise {s1} MAD, l’écriture {s2} MAD (frais déclarés : {frais})."
    ),
    "L19": _("Opération {rang} : annulation sans opération d’origine retrouvée."),
    "L20": _(
        "Opération {rang} : annulation de {montant} MAD supérieure à l’opération d’origine ({origine} MAD)."
    ),
    "L21": _("Opération {rang} : motif « {code} » inconnu de notre table ; conservé tel quel."),
    "L22": _("Opération {rang} : ordre « {ref} » inconnu de nos remises."),
    "L23": _("Opération {rang} : ordre « {ref} » déjà {etat} ; {evenement} incompatible."),
    "L24": _("Opération {rang} : hors périmètre ({nature}, par exemple frais de tenue de compte)."),
    "L25": _("Opération {rang} : bénéficiaire autre que le fonds."),
    "L26": _(
        "Opération {rang} : plusieurs références ({refs}) et un montant qui n’est pas leur total ; somme portée "
        "en attente d’identification."
    ),
    "L30": _(
        "Opération {rang} : ordre « {ref} » encaissé depuis un autre compte que celui du mandat ; à revoir."
    ),
    "L31": _(
        "Opération {rang} : remise « {remise} » de {attendu} MAD en {n} ordres ; {montant} MAD reçus."
    ),
    "L31r": _(
        "Opération {rang} : retour de {montant} MAD sur la remise « {remise} », sans dire quels ordres ; {n} en sont "
        "encaissés, pour {attendu} MAD."
    ),
    "L32": _(
        "Opération {rang} : ordre « {ref} » encaissé ; {excedent} MAD déjà payés autrement, portés au crédit de "
        "l’affilié."
    ),
    "L33": _(
        "Opération {rang} : remboursement « {ref} » ordonné pour {attendu} MAD ; {montant} MAD débités."
    ),
    "L29": _(
        "Écriture {rang} : ses opérations ont été détaillées par un autre fichier ; elles la remplacent."
    ),
}
"""Code to French sentence; ``{…}`` are the facts. A final small letter marks a second wording of a code."""

_PHRASES: Final = frozenset({"cause", "detail", "etat", "evenement"})
"""Facts that hold a phrase of ours and not a value of the file."""

REST: Final = _("… et {n} autre(s) anomalie(s) du même fichier.")


def shown(value: object) -> str:
    """A fact as a person reads it: 1234.5 → ``1 234,50`` (no-break spaces), a day → ``10/04/2026``, text as it is."""
    if isinstance(value, Decimal):
        return format_amount(value)
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    return str(value)


def quoted(value: str) -> str:
    """A value of the file fit to be quoted: one line, no ``;`` (the separator of CR1), 40 characters at most."""
    clean = "".join(c if c.isprintable() and c != ";" else " " for c in value)
    return clean if len(clean) <= QUOTED_AT_MOST else clean[: QUOTED_AT_MOST - 1] + "…"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to say about a file or a line: a code of SENTENCES and its facts, already in shown form."""

    code: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def refuses_file(self) -> bool:
        """True when the whole file is refused (codes ``E-…``)."""
        return self.code.startswith("E-")

    @property
    def public_code(self) -> str:
        """The code without its variant: ``E-F15i`` is told as ``E-F15``."""
        return public_code(self.code)

    def text(self, translate: Callable[[str], str] = str) -> str:
        """The sentence with its facts; ``translate`` is gettext where a person reads, nothing in a codec."""
        return sentence(self.code, self.facts, translate)


def fault(code: str, /, **facts: object) -> Fault:
    """A Fault whose facts are put in shown form; an unknown code is a bug and raises KeyError."""
    SENTENCES[code]
    return Fault(code, {name: shown(value) for name, value in facts.items()})


def public_code(code: str) -> str:
    """``E-F15i`` → ``E-F15``: the code without the letter of its second wording, as a bank is told it."""
    return code[:-1] if code[-1:].islower() else code


def sentence(code: str, facts: Mapping[str, str], translate: Callable[[str], str] = str) -> str:
    """The sentence of ``code`` filled with ``facts``; a fact that is itself a French phrase is translated too."""
    said = {
        name: translate(value) if name in _PHRASES and value else value
        for name, value in facts.items()
    }
    return translate(SENTENCES[code]).format(**said)


class FormatError(Exception):
    """The file cannot be read further. Same shape as a Fault: it holds one."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


class Faults:
    """The faults of one file, in order: the first 100 are kept, the others counted."""

    def __init__(self) -> None:
        self.listed: list[Fault] = []
        self.total = 0
        self.refusing = 0

    def add(self, code: str, /, **facts: object) -> None:
        """Note one fault."""
        self.append(fault(code, **facts))

    def append(self, item: Fault) -> None:
        """Note one fault already made."""
        self.total += 1
        self.refusing += item.refuses_file
        if len(self.listed) < LISTED_AT_MOST or (item.refuses_file and not self.refuses):
            self.listed.append(item)

    @property
    def refuses(self) -> bool:
        """True when one of the faults refuses the file."""
        return any(item.refuses_file for item in self.listed)

    @property
    def more(self) -> int:
        """How many faults are not listed."""
        return self.total - len(self.listed)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.listed)

    def __len__(self) -> int:
        return self.total
