"""What each finding of a declaration file says, code by code."""

from __future__ import annotations

from collections.abc import Mapping

from portal.wording import FindingText
from regulation.text import _

# -- shared sentences ---------------------------------------------------------------------------

_FILE_STOPS = _("Le fichier ne peut pas être déposé en l’état.")
_LINE_STOPS = _("La déclaration ne peut pas être déposée tant que cette ligne n’est pas corrigée.")
_NOTHING = _("La déclaration peut être déposée ; rien n’est perdu pour le salarié.")
_SOFTWARE = _("Le logiciel de paie a écrit le fichier autrement que le cahier des charges.")
_TYPED = _("Une valeur a été mal saisie dans la paie ou modifiée à la main dans le fichier.")
_REGENERATE = _("Corrigez dans le logiciel de paie, produisez de nouveau le fichier et déposez-le.")
_PREFILL_AGAIN = _(
    "Téléchargez de nouveau le préétabli de la période, importez-le dans le logiciel de paie et "
    "produisez de nouveau le fichier."
)
_WAGE_COUNTS = _(
    "Le salaire déclaré ouvre les droits du salarié (retraite, indemnités, maladie) : une erreur "
    "les fausserait."
)
_ALLOWANCE_COUNTS = _("Les allocations familiales du salarié dépendent de ces montants.")
_TOTAL_CAUSE = _(
    "Une ligne a été ajoutée, retirée ou modifiée après le calcul des totaux, ou le logiciel ne "
    "les calcule pas."
)
_TOTAL_REMEDY = _(
    "Produisez de nouveau le fichier depuis le logiciel de paie, sans le modifier à la main. Si "
    "l’écart demeure, signalez-le à l’éditeur du logiciel."
)
_TOTAL_MESSAGE = _(
    "La zone {field} vaut {value} ; la somme des lignes du fichier donne {expected}."
)


def _total(title: str) -> FindingText:
    return FindingText(title, _TOTAL_MESSAGE, _TOTAL_CAUSE, _TOTAL_REMEDY, _FILE_STOPS)


E_BDS_TEXTS: Mapping[str, FindingText] = {
    # -- the file, its order and its headers ------------------------------------------------
    "R1": FindingText(
        _("Nom du fichier"),
        _("Le fichier s’appelle « {value} » ; son contenu demande « {expected} »."),
        _("Le fichier a été renommé, ou c’est celui d’un autre mois ou d’un autre affilié."),
        _("Vérifiez que c’est le bon fichier, puis redonnez-lui le nom attendu."),
        _FILE_STOPS,
    ),
    "R2": FindingText(
        _("Longueur des enregistrements"),
        _("La ligne {line} compte {value} caractères au lieu de {expected}."),
        _("Une valeur dépasse sa zone, ou la ligne a été coupée par un éditeur de texte."),
        _REGENERATE,
        _FILE_STOPS,
    ),
    "R3": FindingText(
        _("Fin des enregistrements"),
        _(
            "La ligne {line} est vide, se trouve après la fin de la déclaration, ou n’est pas "
            "terminée par un saut de ligne."
        ),
        _("Le fichier a été ouvert dans un éditeur de texte, ou plusieurs fichiers se suivent."),
        _("Supprimez ce qui suit l’enregistrement final et les lignes vides, puis redéposez."),
        _("Si seul le dernier saut de ligne manque, la déclaration peut être déposée."),
    ),
    "R4": FindingText(
        _("Caractères"),
        _(
            "La zone {field} contient « {value} », avec des caractères autres que A à Z, 0 à 9 et "
            "l’espace. Écriture admise : « {expected} »."
        ),
        _("Minuscules, accents, apostrophes ou tirets ne font pas partie du format."),
        _("Écrivez les textes en majuscules sans accent ; le portail lit ceux-ci pour cette fois."),
        _NOTHING,
    ),
    "R5": FindingText(
        _("Ordre des enregistrements"),
        _("Ligne {line} : on lit « {value} » là où on attend {expected}."),
        _("Un enregistrement manque, est en trop ou mal placé ; le fichier est peut-être coupé."),
        _REGENERATE,
        _FILE_STOPS,
    ),
    "R6": FindingText(
        _("Enregistrement des entrants"),
        _(
            "Il faut au moins un enregistrement d’entrant (B04) : celui de chaque entrant, ou un "
            "seul, vide, s’il n’y en a pas."
        ),
        _("Certains logiciels n’écrivent pas cet enregistrement quand le mois est sans entrant."),
        _("Demandez à l’éditeur du logiciel d’écrire l’enregistrement B04 vide."),
        _FILE_STOPS,
    ),
    "R7": FindingText(
        _("Zones numériques"),
        _(
            "La zone {field} de la ligne {line} contient « {value} » : on n’y attend que des chiffres."
        ),
        _("Un espace, une virgule, un signe ou un décalage s’est glissé dans la zone."),
        _REGENERATE,
        _("La ligne ne peut pas être lue ; le fichier ne peut pas être déposé en l’état."),
    ),
    "R8": FindingText(
        _("Nature de la déclaration"),
        _("La catégorie « {value} » ne convient pas à ce fichier ; on attend {expected}."),
        _("La déclaration principale se note B0, les complémentaires E1 à E9."),
        _REGENERATE,
        _FILE_STOPS,
    ),
    "R9": FindingText(
        _("Identifiant de transfert"),
        _("L’identifiant {value} n’est pas celui du préétabli de la période, {expected}."),
        _("Le fichier répond à un autre préétabli, ou le logiciel invente l’identifiant."),
        _PREFILL_AGAIN,
        _FILE_STOPS,
    ),
    "R10": FindingText(
        _("Forme de l’identifiant de transfert"),
        _("L’identifiant {value} n’a pas la forme habituelle ; on attendrait {expected}."),
        _("Le logiciel n’a sans doute pas repris l’identifiant du préétabli."),
        _PREFILL_AGAIN,
        _("Le dépôt sera refusé si l’identifiant n’est pas celui du préétabli."),
    ),
    "R11": FindingText(
        _("Numéro d’affiliation"),
        _("Ligne {line} : le numéro d’affiliation est {value} au lieu de {expected}."),
        _("Le fichier est celui d’un autre affilié, ou réunit plusieurs affiliés."),
        _("Choisissez le bon affilié sur le portail, ou le bon dossier dans le logiciel de paie."),
        _FILE_STOPS,
    ),
    "R12": FindingText(
        _("Clé du numéro d’affiliation"),
        _(
            "Le dernier chiffre du numéro {value} ne suit aucune des deux règles de contrôle connues."
        ),
        _("Un chiffre a peut-être été mal saisi."),
        _("Comparez avec le numéro porté sur vos documents de la Caisse."),
        _("La déclaration peut être déposée."),
    ),
    "R13": FindingText(
        _("Période"),
        _("Ligne {line} : la période est {value} ; on attend {expected}."),
        _("Le fichier est celui d’un autre mois, ou la date est mal écrite (année puis mois)."),
        _("Choisissez le bon mois sur le portail, ou produisez le fichier du mois attendu."),
        _FILE_STOPS,
    ),
    "R14": FindingText(
        _("En-tête de l’affilié"),
        _("La zone {field} vaut « {value} » ; le préétabli porte « {expected} »."),
        _("Le logiciel réécrit l’en-tête au lieu de recopier celui du préétabli."),
        _("Rien d’urgent : recopiez l’en-tête du préétabli dans le logiciel de paie."),
        _("La déclaration peut être déposée ; les données de la Caisse ne changent pas."),
    ),
    "R15": FindingText(
        _("Dates de l’en-tête"),
        _("La zone {field} vaut {value} ; on attend {expected}."),
        _("La date n’existe pas, ou l’échéance n’est pas le 10 du mois suivant."),
        _PREFILL_AGAIN,
        _("Une date impossible refuse le fichier ; une autre échéance ne change pas la vôtre."),
    ),
    "R16": FindingText(
        _("Zones réservées"),
        _("La fin de la ligne {line} doit être blanche ; on y lit « {value} »."),
        _("Une valeur dépasse sa zone, ou le logiciel ajoute des informations."),
        _REGENERATE,
        _FILE_STOPS,
    ),
    "F1": FindingText(
        _("Nombre de salariés"),
        _("Le fichier dépasse {expected} salariés, le plus que ses totaux peuvent porter."),
        _("Le total des jours n’a que six chiffres."),
        _("Prenez contact avec votre agence pour répartir la déclaration."),
        _FILE_STOPS,
    ),
    "F2": FindingText(
        _("Trop d’anomalies"),
        _("Le contrôle s’est arrêté après {value} anomalies."),
        _("Une même erreur se répète sans doute sur toutes les lignes."),
        _("Corrigez les anomalies affichées : les autres ont souvent la même cause."),
        _FILE_STOPS,
    ),
    "F3": FindingText(
        _("Déclaration principale déjà déposée"),
        _("La déclaration principale de cette période a déjà été déposée."),
        _("Un mois n’a qu’une déclaration principale."),
        _(
            "Pour des salariés oubliés, déposez une déclaration complémentaire (fichier DSC) ; pour changer ce "
            "qui est déposé, envoyez ce fichier depuis « Corriger ce mois »."
        ),
        _FILE_STOPS,
    ),
    "F4": FindingText(
        _("Fichier d’une autre déclaration"),
        _("Vous corrigez la déclaration {expected} ; ce fichier est la déclaration {value}."),
        _("Une correction prend la place de la déclaration corrigée, et d’aucune autre du mois."),
        _(
            "Envoyez le fichier de la déclaration à corriger, ou ouvrez « Corriger ce mois » sur celle de ce "
            "fichier."
        ),
        _FILE_STOPS,
    ),
    # -- people of the prefill ---------------------------------------------------------------
    "R20": FindingText(
        _("Salariés du préétabli"),
        _(
            "Le numéro {value}{expected} ({name}) n’est pas à la fois dans le préétabli et dans la "
            "déclaration."
        ),
        _("Un salarié a été oublié, ou un entrant a été mis parmi les salariés connus."),
        _(
            "Déclarez chaque personne du préétabli, payée ou non, avec sa situation (SO si elle "
            "est partie) ; mettez les autres parmi les entrants."
        ),
        _("Un salarié oublié perd ses droits du mois."),
    ),
    "R21": FindingText(
        _("Ordre des salariés"),
        _("Le numéro {value} devrait venir plus haut ({expected} attendu)."),
        _("Le logiciel trie par nom ou par matricule interne."),
        _("Rien d’urgent : triez par numéro d’immatriculation croissant."),
        _NOTHING,
    ),
    "R22": FindingText(
        _("Salarié déclaré deux fois"),
        _("Le numéro {value} de la ligne {line} figure déjà à la ligne {first_line}."),
        _("Deux contrats ou deux bulletins du mois n’ont pas été réunis."),
        _("Réunissez les deux lignes en une : additionnez jours et salaires."),
        _LINE_STOPS,
    ),
    "R23": FindingText(
        _("Numéro d’immatriculation"),
        _(
            "Le numéro « {value} » ne suit pas la forme connue : neuf chiffres commençant par 1 ou "
            "9, le dernier étant une clé. Forme attendue : {expected}."
        ),
        _("Un chiffre a peut-être été mal saisi."),
        _("Comparez avec la carte d’immatriculation du salarié."),
        _("Un numéro faux porterait les droits du mois sur une autre personne."),
    ),
    "R24": FindingText(
        _("Données du préétabli modifiées"),
        _("La zone {field} vaut « {value} » ; le préétabli porte « {expected} »."),
        _("Le logiciel recalcule ou réécrit ce que la Caisse a établi."),
        _PREFILL_AGAIN,
        _ALLOWANCE_COUNTS,
    ),
    "R25": FindingText(
        _("Allocations familiales nettes"),
        _("Le net vaut {value} ; à payer moins à déduire donne {expected}."),
        _TYPED,
        _PREFILL_AGAIN,
        _ALLOWANCE_COUNTS,
    ),
    "R26": FindingText(
        _("Allocations familiales à reverser"),
        _("Le montant à reverser, {value}, dépasse le net à payer ({expected} attendu)."),
        _TYPED,
        _("Ne reversez que ce que le salarié n’a pas reçu, au plus le net à payer."),
        _ALLOWANCE_COUNTS,
    ),
    "R27": FindingText(
        _("Allocations d’un salarié parti ou décédé"),
        _("Situation {situation} : le montant à reverser est {value} au lieu de {expected}."),
        _("Les allocations d’un salarié parti ou décédé ne lui sont pas versées par l’employeur."),
        _("Reversez le montant net entier."),
        _LINE_STOPS,
    ),
    "R28": FindingText(
        _("Jours déclarés"),
        _("{value} jours sont déclarés ; valeurs admises : {expected}."),
        _("Les jours de calendrier ont été repris au lieu des jours de travail."),
        _("Déclarez au plus 26 jours."),
        _LINE_STOPS,
    ),
    "R29": FindingText(
        _("Situation"),
        _("La situation « {value} » n’existe pas ; valeurs admises : {expected} ou deux espaces."),
        _("Les lettres du bordereau papier (CO, ML, MT) ne sont pas celles du fichier."),
        _("Choisissez dans la paie la situation qui correspond."),
        _("La situation décide des droits du salarié pour le mois."),
    ),
    "R30": FindingText(
        _("Mois travaillé sans jours ou sans salaire"),
        _("Sans situation, la zone {field} doit être positive ; elle vaut {value}."),
        _("Le salarié n’a pas été payé ce mois-ci, et aucune situation ne l’explique."),
        _("Indiquez la situation (SO, CS, MS, IL…) ou les jours et le salaire."),
        _WAGE_COUNTS,
    ),
    "R31": FindingText(
        _("Absence non payée avec des jours ou un salaire"),
        _("Situation {situation} : la zone {field} doit être nulle ; elle vaut {value}."),
        _("Le congé sans solde et le maintien sans salaire couvrent tout le mois."),
        _(
            "Retirez la situation si le mois est en partie payé ; sinon mettez les trois zones à zéro."
        ),
        _LINE_STOPS,
    ),
    "R32": FindingText(
        _("Accident ou maladie professionnelle avec des jours ou un salaire"),
        _("Situation {situation} : la zone {field} est attendue nulle ; elle vaut {value}."),
        _("Le salarié a peut-être travaillé une partie du mois."),
        _("Vérifiez ; laissez tel quel si le salaire a bien été versé."),
        _NOTHING,
    ),
    "R33": FindingText(
        _("Salaire plafonné supérieur au salaire réel"),
        _("Le salaire plafonné {value} dépasse le salaire réel ({expected} attendu)."),
        _TYPED,
        _REGENERATE,
        _WAGE_COUNTS,
    ),
    "R34": FindingText(
        _("Salaire plafonné"),
        _("Le salaire plafonné vaut {value} centimes ; on attend {expected}."),
        _("Le plafond du mois n’est pas à jour dans la paie, ou n’est pas appliqué."),
        _("Déclarez le plus petit du salaire réel et du plafond mensuel."),
        _WAGE_COUNTS,
    ),
    "R35": FindingText(
        _("Salaire inférieur au minimum légal"),
        _(
            "Le salaire de {value} centimes pour {days} jours est sous le minimum légal ({expected})."
        ),
        _("Le nombre de jours ou le salaire est peut-être erroné, ou le temps est partiel."),
        _("Vérifiez les jours et le salaire ; laissez tel quel s’ils sont justes."),
        _("La déclaration peut être déposée."),
    ),
    "R36": FindingText(
        _("Somme de contrôle de la ligne"),
        _("La somme de contrôle vaut {value} ; les zones de la ligne donnent {expected}."),
        _("La ligne a été modifiée après son calcul, ou le logiciel calcule mal la somme."),
        _TOTAL_REMEDY,
        _LINE_STOPS,
    ),
    "R37": FindingText(
        _("Jours et salaire en désaccord"),
        _("Situation {situation} : la zone {field} vaut {value} alors que l’autre est remplie."),
        _("Les jours ou le salaire d’un mois incomplet manquent."),
        _("Vérifiez les deux zones ; laissez tel quel si elles sont justes."),
        _WAGE_COUNTS,
    ),
    "D14": FindingText(
        _("Toutes les allocations reversées"),
        _("Les {count} salariés qui ont droit aux allocations les reversent toutes."),
        _("Certains logiciels écrivent le net dans la zone à reverser."),
        _("Si les salariés ont reçu leurs allocations, mettez la zone à reverser à zéro."),
        _("Vous rendriez des allocations dues à des salariés en activité."),
    ),
    # -- totals -------------------------------------------------------------------------------
    "R40": _total(_("Total : nombre de salariés du préétabli")),
    "R41": _total(_("Total : enfants")),
    "R42": _total(_("Total : allocations à payer")),
    "R43": _total(_("Total : allocations à déduire")),
    "R44": _total(_("Total : allocations nettes")),
    "R45": _total(_("Total : allocations à reverser")),
    "R46": _total(_("Total : numéros d’immatriculation")),
    "R47": _total(_("Total : jours déclarés")),
    "R48": _total(_("Total : salaires réels")),
    "R49": _total(_("Total : salaires plafonnés")),
    "R50": _total(_("Total : sommes de contrôle")),
    "R51": _total(_("Total des entrants : nombre de salariés")),
    "R52": _total(_("Total des entrants : numéros d’immatriculation")),
    "R53": _total(_("Total des entrants : jours déclarés")),
    "R54": _total(_("Total des entrants : salaires réels")),
    "R55": _total(_("Total des entrants : salaires plafonnés")),
    "R56": _total(_("Total des entrants : sommes de contrôle")),
    "R57": _total(_("Total général : nombre de salariés")),
    "R58": _total(_("Total général : numéros d’immatriculation")),
    "R59": _total(_("Total général : jours déclarés")),
    "R60": _total(_("Total général : salaires réels")),
    "R61": _total(_("Total général : salaires plafonnés")),
    "R62": _total(_("Total général : sommes de contrôle")),
    "R63": FindingText(
        _("Préétabli endommagé"),
        _("Les totaux du préétabli ne correspondent pas à ses lignes."),
        _("Le téléchargement a été coupé ou le fichier modifié."),
        _PREFILL_AGAIN,
        _("La comparaison avec le préétabli est incertaine."),
    ),
    # -- new hires ----------------------------------------------------------------------------
    "R70": FindingText(
        _("Numéro d’immatriculation d’un entrant"),
        _("La ligne {line} porte un nom ou un montant, mais aucun numéro ; attendu : {expected}."),
        _("Le salarié n’est pas encore immatriculé."),
        _("Écrivez neuf zéros en attendant l’immatriculation, avec le numéro de CIN."),
        _LINE_STOPS,
    ),
    "R71": FindingText(
        _("CIN d’un entrant sans immatriculation"),
        _("Le salarié de la ligne {line} n’a ni numéro d’immatriculation ni numéro de CIN."),
        _("La fiche du salarié est incomplète dans la paie."),
        _("Ajoutez le numéro de sa carte d’identité."),
        _("Sans lui, les droits du mois ne peuvent être rattachés à personne."),
    ),
    "R72": FindingText(
        _("Nom d’un entrant"),
        _("Le salarié de la ligne {line} n’a pas de nom."),
        _("La fiche du salarié est incomplète dans la paie."),
        _("Ajoutez le nom et le prénom."),
        _LINE_STOPS,
    ),
    "R73": FindingText(
        _("Jours d’un entrant"),
        _("{value} jours sont déclarés ; valeurs admises : {expected}."),
        _("La main-d’œuvre occasionnelle se déclare avec 0 jour, tout autre entrant de 1 à 26."),
        _REGENERATE,
        _LINE_STOPS,
    ),
    "R74": FindingText(
        _("Salaire d’un entrant"),
        _("Le salaire réel vaut {value} ; on attend {expected}."),
        _("Un entrant n’est déclaré que s’il a gagné un salaire dans le mois."),
        _("Indiquez le salaire, ou retirez la ligne."),
        _WAGE_COUNTS,
    ),
    "R75": FindingText(
        _("Salaire plafonné d’un entrant"),
        _("Le salaire plafonné vaut {value} centimes ; on attend {expected}."),
        _("Le plafond du mois n’est pas à jour dans la paie, ou n’est pas appliqué."),
        _("Déclarez le plus petit du salaire réel et du plafond mensuel."),
        _WAGE_COUNTS,
    ),
    "R76": FindingText(
        _("Nom ou CIN d’un entrant"),
        _("La zone {field} contient « {value} » ; écriture admise : « {expected} »."),
        _("Seuls A à Z, 0 à 9 et l’espace sont admis, sans espace dans le numéro de CIN."),
        _REGENERATE,
        _LINE_STOPS,
    ),
    "R77": FindingText(
        _("Salaire d’un entrant inférieur au minimum légal"),
        _(
            "Le salaire de {value} centimes pour {days} jours est sous le minimum légal ({expected})."
        ),
        _("Le nombre de jours ou le salaire est peut-être erroné, ou le temps est partiel."),
        _("Vérifiez les jours et le salaire ; laissez tel quel s’ils sont justes."),
        _("La déclaration peut être déposée."),
    ),
    "R78": FindingText(
        _("Somme de contrôle d’un entrant"),
        _("La somme de contrôle vaut {value} ; les zones de la ligne donnent {expected}."),
        _("La ligne a été modifiée après son calcul, ou le logiciel calcule mal la somme."),
        _TOTAL_REMEDY,
        _LINE_STOPS,
    ),
    "R79": FindingText(
        _("Entrant déjà dans le préétabli"),
        _("Le numéro {value} figure dans le préétabli : ce n’est pas un entrant."),
        _("Le préétabli n’a pas été importé dans la paie avant de produire le fichier."),
        _PREFILL_AGAIN,
        _LINE_STOPS,
    ),
    "R80": FindingText(
        _("Ordre des entrants"),
        _("Le numéro {value} devrait venir plus haut ({expected} attendu)."),
        _("Le logiciel trie par nom ou par matricule interne."),
        _("Rien d’urgent : triez par numéro d’immatriculation croissant."),
        _NOTHING,
    ),
    "D5": FindingText(
        _("Nom ou CIN calés à droite"),
        _("Ligne {line} : « {value} » est précédé d’espaces ; le portail le lit quand même."),
        _SOFTWARE,
        _("Signalez-le à l’éditeur : les textes se calent à gauche."),
        _NOTHING,
    ),
    "D15": FindingText(
        _("Montant invraisemblable"),
        _(
            "La zone {field} vaut {value} centimes : le montant remplit sa zone dès la première colonne."
        ),
        _("Le logiciel complète les montants par des zéros à droite au lieu de la gauche."),
        _(
            "Demandez à l’éditeur de caler les montants à droite et de compléter par des zéros à gauche."
        ),
        _WAGE_COUNTS,
    ),
    "D6": FindingText(
        _("Mois sans entrant mal écrit"),
        _("Ligne {line} : « sans entrant » s’écrit avec neuf espaces, et non {value}."),
        _("Certains logiciels écrivent neuf zéros, qui veulent dire « en attente de numéro »."),
        _("Demandez à l’éditeur d’écrire neuf espaces dans l’enregistrement B04 vide."),
        _FILE_STOPS,
    ),
    # -- supplementary ------------------------------------------------------------------------
    "R90": FindingText(
        _("Déclaration complémentaire : salariés du préétabli"),
        _("Une complémentaire porte un seul enregistrement E02, vide, et des totaux E03 nuls."),
        _("Une complémentaire ne concerne que des salariés oubliés, écrits comme entrants."),
        _REGENERATE,
        _FILE_STOPS,
    ),
    "R91": FindingText(
        _("Déclaration complémentaire sans salarié"),
        _("La complémentaire ne déclare personne."),
        _("Aucun enregistrement E04 ne porte de salarié."),
        _("Si personne n’a été oublié, il n’y a rien à déposer."),
        _FILE_STOPS,
    ),
    "R92": FindingText(
        _("Numéro de complémentaire déjà pris"),
        _("La complémentaire {value} a déjà été déposée pour cette période."),
        _("Chaque complémentaire d’un mois porte un numéro nouveau, de 1 à 9."),
        _("Prenez le numéro suivant dans le logiciel de paie."),
        _FILE_STOPS,
    ),
    "R93": FindingText(
        _("Complémentaire avant la principale"),
        _("Aucune déclaration principale n’a été déposée pour cette période."),
        _("Une complémentaire complète une déclaration principale."),
        _("Déposez d’abord la déclaration principale."),
        _FILE_STOPS,
    ),
    "R94": FindingText(
        _("Salarié déjà déclaré"),
        _("Le numéro {value} a déjà été déclaré pour cette période."),
        _("Une complémentaire ne reprend personne de la principale ni d’une autre complémentaire."),
        _(
            "Retirez ce salarié ; pour changer son salaire, corrigez la déclaration où il se trouve "
            "(« Corriger ce mois »)."
        ),
        _LINE_STOPS,
    ),
    # -- how the bytes were written ---------------------------------------------------------------
    "D1": FindingText(
        _("Retours chariot"),
        _(
            "{count} lignes finissent par un retour chariot (CR LF) ; le portail les lit quand même."
        ),
        _SOFTWARE,
        _("Rien à faire ; l’éditeur du logiciel peut n’écrire que LF."),
        _NOTHING,
    ),
    "D2": FindingText(
        _("Espaces de fin coupés"),
        _("{count} lignes ont perdu leurs espaces de fin ; le portail les complète à 260."),
        _("Le fichier est passé par un éditeur de texte ou une messagerie."),
        _("Rien à faire ; déposez de préférence le fichier tel que le logiciel l’a produit."),
        _NOTHING,
    ),
    "D3": FindingText(
        _("Codage des caractères"),
        _(
            "Le fichier n’est pas en ASCII simple (accents ou marque UTF-8) ; le portail le lit quand même."
        ),
        _SOFTWARE,
        _("Écrivez les textes en majuscules sans accent."),
        _NOTHING,
    ),
    "D27": FindingText(
        _("Ce n’est pas un fichier e-BDS"),
        _("Ce fichier semble être {nature}."),
        _("Un autre fichier a été choisi, ou le logiciel produit un autre format."),
        _("Déposez le fichier « DS_… » produit par le logiciel de paie pour Damancom."),
        _FILE_STOPS,
    ),
}
