"""Why a known habit of some software gives a finding (e-BDS §9); added to the text of its code.

The deviations that are findings by themselves (D1 to D3, D5, D6, D14, D15, D27) have their texts
in `declarations.finding_texts`.
"""

from collections.abc import Mapping

from regulation.text import _

DEVIATIONS: Mapping[str, str] = {
    "D3": _(
        "Un « ? » tient sans doute la place d’un accent perdu : écrivez la lettre sans accent."
    ),
    "D4": _("La déclaration est écrite deux fois dans le fichier : videz-le avant de le produire."),
    "D7": _("Le logiciel n’écrit pas l’enregistrement B04 quand il n’y a pas d’entrant."),
    "D8": _("Les totaux « à reverser » et « numéros » sont inversés dans l’enregistrement B03."),
    "D9": _(
        "Le logiciel invente l’identifiant (zéros, date et heure, chiffres au hasard) au lieu de recopier "
        "celui du préétabli."
    ),
    "D10": _(
        "Le logiciel recompose l’identifiant avec une clé toujours identique : seul le dernier chiffre "
        "est faux. Recopiez celui du préétabli."
    ),
    "D11": _(
        "Le logiciel ne garde que neuf chiffres de la somme de contrôle, ou n’y ajoute le rang de la "
        "situation que pour SO."
    ),
    "D12": _("Le logiciel laisse la somme de contrôle à zéro."),
    "D13": _("Le logiciel recalcule les allocations d’après ses propres fiches d’enfants."),
    "D16": _(
        "Le logiciel écrit les jours sur six colonnes au lieu de deux, ou ne complète pas le nom à "
        "soixante : toute la suite est décalée."
    ),
    "D17": _(
        "Le logiciel ne connaît pas les situations de la Caisse : il laisse la zone vide, ou y met les "
        "lettres du bordereau papier (CO, ML, MT). Une personne doit choisir la bonne."
    ),
    "D18": _(
        "Le logiciel retire sans le dire les salariés qui n’ont pas de bulletin. Demandez-vous ce qui "
        "est arrivé à chacun avant de choisir sa situation."
    ),
    "D19": _(
        "Le logiciel écrit la complémentaire comme une principale : elle se compose d’enregistrements E, "
        "de la catégorie E1 à E9 et d’un E02 vide."
    ),
    "D20": _(
        "Le logiciel écrit un compteur de six chiffres de trop dans l’enregistrement E03 : les totaux "
        "sont décalés de six colonnes."
    ),
    "D21": _(
        "Le logiciel oublie la zone de l’activité (40 colonnes) : l’adresse est lue 40 colonnes trop tôt "
        "et toute la suite de l’en-tête est décalée."
    ),
    "D22": _("Seuls les espaces diffèrent : le logiciel réduit les espaces doubles."),
    "D23": _(
        "Le logiciel refuse à tort les numéros qui commencent par 9 ou suivent la seconde règle de "
        "contrôle : ils sont justes. Déclarez-les tels que le préétabli les donne."
    ),
    "D24": _("Le logiciel a coupé sans le dire un numéro ou un montant trop long pour sa zone."),
    "D25": _(
        "Le logiciel calcule en nombres à virgule flottante : il perd ou ajoute un centime. Il faut "
        "calculer en centimes entiers."
    ),
    "D26": _("Le logiciel n’applique pas le plafond : il recopie le salaire réel."),
    "D28": _(
        "Le logiciel coupe les jours décimaux comme un texte : les demi-journées sont perdues ou "
        "élargissent la ligne. Arrondissez à des jours entiers."
    ),
}
