"""An example for each finding and each deviation: what is wrong, and what it becomes once right.

Invented data, those of the worked example of the format (e-BDS §7). Extracts of a file are the same
in every language; an example in words is a message of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulation.text import _


@dataclass(frozen=True, slots=True)
class Example:
    """« Par exemple : `right`, et non `wrong` »."""

    wrong: str
    right: str


_EMPTY_HIRE = "B041234567202601         "

EXAMPLES: Mapping[str, Example] = {
    "R1": Example("salaires-janvier.txt", "DS_1234567_202601.txt"),
    "R2": Example(_("une ligne de 264 caractères"), _("une ligne de 260 caractères")),
    "R3": Example(_("une ligne vide après B06"), _("B06 pour dernière ligne")),
    "R4": Example("SOCIÉTÉ L’ÉTOILE", "SOCIETE L ETOILE"),
    "R5": Example("B00 B02 B03", "B00 B01 B02 B03"),
    "R6": Example("B03 B05 B06", "B03 B04 B05 B06"),
    "R7": Example("      8500,50", "0000000850050"),
    "R8": Example("E0", "E1"),
    "R9": Example("00000000000000", "12345672601017"),
    "R10": Example("20260131093000", "12345672601017"),
    "R11": Example("B02 7654321", "B02 1234567"),
    "R12": Example("1234569", "1234567"),
    "R13": Example("012026", "202601"),
    "R14": Example("RABAT", "CASABLANCA"),
    "R15": Example("20260230", "20260210"),
    "R16": Example(_("du texte dans les colonnes 157 à 260 d’un B02"), _("des espaces")),
    "F1": Example(_("40 000 salariés dans un fichier"), _("38 461 salariés au plus")),
    "F2": Example(
        _("une zone décalée sur toutes les lignes"), _("la première ligne corrigée d’abord")
    ),
    "F3": Example("DS_1234567_202601.txt", "DSC1_1234567_202601.txt"),
    "F4": Example("E1", "B0"),
    "R20": Example(_("112233441 absent des B02"), _("112233441 avec la situation SO")),
    "R21": Example("155667789 112233441", "112233441 155667789"),
    "R22": Example(
        _("deux lignes de 13 jours pour 112233441"), _("une ligne de 26 jours pour 112233441")
    ),
    "R23": Example("112233449", "112233441"),
    "R24": Example("OMEGA AMINE", "ALPHA AMINE"),
    "R25": Example("060000 005000 060000", "060000 005000 055000"),
    "R26": Example(_("600,01 DH reversés sur 600,00 DH nets"), _("600,00 DH reversés au plus")),
    "R27": Example(
        _("SO avec 0,00 DH reversé sur 250,00 DH nets"), _("SO avec 250,00 DH reversés")
    ),
    "R28": Example("31", "26"),
    "R29": Example("XX", "IL"),
    "R30": Example(_("0 jour sans situation"), _("0 jour avec la situation CS")),
    "R31": Example(_("CS avec 10 jours payés"), _("10 jours payés sans situation")),
    "R32": Example(_("AT avec 26 jours"), _("AT avec 0 jour")),
    "R33": Example(_("412346 plafonné pour 412345 réel"), _("412345 plafonné pour 412345 réel")),
    "R34": Example("850050", "600000"),
    "R35": Example(_("2 501,21 DH pour 20 jours"), _("2 501,21 DH pour 13 jours")),
    "R36": Example("0000000000113683518", "0000000000113683517"),
    "R37": Example(_("SO avec 3 jours et 0 DH"), _("SO avec 3 jours et 600,00 DH")),
    "R40": Example("000002", "000003"),
    "R41": Example("000000", "000003"),
    "R42": Example("000000000000", "000000090000"),
    "R43": Example("000000000000", "000000005000"),
    "R44": Example("000000090000", "000000085000"),
    "R45": Example("000000000000", "000000025000"),
    "R46": Example("000000000000003", "000000445791138"),
    "R47": Example("000078", "000046"),
    "R48": Example("000000000012623", "000000001262395"),
    "R49": Example("0000001262395", "0000001012345"),
    "R50": Example("0000000000000000000", "0000000000448090925"),
    "R51": Example("000001", "000002"),
    "R52": Example("000000000000000", "000000190011223"),
    "R53": Example("000052", "000039"),
    "R54": Example("000000000007711", "000000000771137"),
    "R55": Example("0000000771137", "0000000771136"),
    "R56": Example("0000000000000000000", "0000000000191553535"),
    "R57": Example("000003", "000005"),
    "R58": Example("000000445791138", "000000635802361"),
    "R59": Example("000046", "000085"),
    "R60": Example("000000001262395", "000000002033532"),
    "R61": Example("0000001012345", "0000001783481"),
    "R62": Example("0000000000448090925", "0000000000639644460"),
    "R63": Example(_("un préétabli coupé à moitié"), _("le préétabli téléchargé en entier")),
    "R70": Example(_("neuf espaces et un nom"), _("000000000, un nom et une CIN")),
    "R71": Example(_("000000000 sans CIN"), _("000000000 avec AB123456")),
    "R72": Example(_("190011223 sans nom"), "190011223 ECHO ESSAADIA"),
    "R73": Example("00", "13"),
    "R74": Example("0000000000000", "0000000171136"),
    "R75": Example("600001", "600000"),
    "R76": Example("AB-123 456", "AB123456"),
    "R77": Example(_("3 000,00 DH pour 26 jours"), _("3 000,00 DH pour 22 jours")),
    "R78": Example("0000000000191211251", "0000000000191211250"),
    "R79": Example(_("155667789 en B04"), _("155667789 en B02")),
    "R80": Example("190011223 166778897", "166778897 190011223"),
    "R90": Example(_("E02 avec le numéro 112233441"), _("un seul E02, vide")),
    "R91": Example(_("un E04 vide"), _("un E04 par salarié oublié")),
    "R92": Example("DSC1_1234567_202601.txt", "DSC2_1234567_202601.txt"),
    "R93": Example("DSC1_1234567_202601.txt", "DS_1234567_202601.txt"),
    "R94": Example(
        _("112233441 dans la principale et en E04"), _("112233441 dans la principale seule")
    ),
    "D1": Example("CR LF", "LF"),
    "D2": Example(_("une ligne de 156 caractères"), _("la même, suivie de 104 espaces")),
    "D3": Example("BÂTIMENT", "BATIMENT"),
    "D4": Example("B00 … B06 B00 … B06", "B00 … B06"),
    "D5": Example("     AB123", "AB123"),
    "D6": Example("B041234567202601000000000", _EMPTY_HIRE + "…"),
    "D7": Example("B03 B05 B06", "B03 B04 B05 B06"),
    "D8": Example("000000025000 000000445791138", "000000445791138 000000025000"),
    "D9": Example("20260131093000", "12345672601017"),
    "D10": Example("12345672601019", "12345672601017"),
    "D11": Example("0000000000000000345", "0000000001000000345"),
    "D12": Example("0000000000000000000", "0000000000448090925"),
    "D13": Example("030000", "060000"),
    "D14": Example(
        _("tout le net reversé pour un salarié présent"),
        _("0,00 DH reversé pour un salarié présent"),
    ),
    "D15": Example("8500500000000", "0000000850050"),
    "D16": Example("000026", "26"),
    "D17": Example("ML", "IL"),
    "D18": Example(_("177889908 retiré du fichier"), _("177889908 avec sa situation")),
    "D19": Example("B02 … B0", "E02 … E1"),
    "D20": Example("000000 000000 000000", "000000 000000"),
    "D21": Example(_("adresse en colonne 57"), _("adresse en colonne 97")),
    "D22": Example("ALPHA AMINE", _("ALPHA, 25 espaces, AMINE")),
    "D23": Example("155667780", "155667789"),
    "D24": Example("015566778", "155667789"),
    "D25": Example("412344", "412345"),
    "D26": Example("850050", "600000"),
    "D27": Example("salaires.xlsx", "DS_1234567_202601.txt"),
    "D28": Example("262 (26,25)", "26"),
    # -- spreadsheets ---------------------------------------------------------------------------
    "S1": Example("salaires.xls", "salaires.xlsx"),
    "S2": Example("salaires.xlsm", "salaires.xlsx"),
    "S3": Example(_("un classeur de photos"), _("la liste des salariés seule")),
    "S4": Example(_("une première ligne sans titres"), _("la ligne de titres du modèle")),
    "S5": Example(_("deux colonnes « Salaire réel »"), _("une seule colonne « Salaire réel »")),
    "S6": Example(_("L4 et L5 fusionnées"), _("une valeur en L4, une autre en L5")),
    "S7": Example(_("un filtre actif sur la liste"), _("toutes les lignes affichées")),
    "S8": Example("=K4*230", "5980,00"),
    "S9": Example(_("26 janvier dans la colonne des jours"), "26"),
    "S10": Example(_("une colonne « Remarques »"), _("les colonnes du modèle")),
    "S11": Example(_("une ligne « Total » sous la liste"), _("la liste seule")),
    "S12": Example(_("une feuille par mois"), _("la feuille du mois seule")),
    "S13": Example("99999999999,99", "9999,99"),
    "S14": Example(_("le tableur d’octobre déposé en novembre"), _("le modèle de novembre")),
    "S15": Example('"BENALI;26;5980,00', "BENALI;26;5980,00"),
}
