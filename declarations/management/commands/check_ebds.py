"""Check a declaration file as filing would, without an account and without a database."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import NotAPrefill, PrefillFile
from declarations.deviations import DEVIATIONS
from declarations.enums import FileVerdict
from declarations.finding_examples import EXAMPLES
from declarations.finding_texts import TEXTS, message_of
from declarations.findings import Finding
from declarations.rules import Examination, Expected
from portal import formats
from regulation.money import from_cents
from regulation.periods import InvalidPeriod, Period

ACCEPTED, REFUSED, UNUSABLE = 0, 1, 2


class Command(BaseCommand):
    help = "Contrôle un fichier e-BDS comme le ferait le dépôt. Sans compte, sans base de données."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="le fichier DS_… ou DSC…_… à contrôler")
        parser.add_argument("--prefill", type=Path, help="le préétabli AFFEBDS_… auquel il répond")
        parser.add_argument("--name", help="le nom sous lequel il sera déposé, à contrôler aussi")
        parser.add_argument("--json", action="store_true", help="une réponse en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0 accepted, 1 refused, 2 when a file cannot be used at all."""
        try:
            prefill = self._prefill(options["prefill"])
            examination = Examination(Expected(prefill=prefill, file_name=options["name"]))
            with options["file"].open("rb") as stream:
                for _line in examination.run(stream):
                    pass
        except OSError as fault:
            self._unusable(
                _("Le fichier %(name)s ne peut pas être lu : %(reason)s.")
                % {"name": fault.filename, "reason": fault.strerror}
            )
        except NotAPrefill:
            self._unusable(
                _("Le fichier %(name)s n’est pas un préétabli (A00 à A03).")
                % {"name": options["prefill"]}
            )
        report = as_data(examination)
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self._tell(report)
        raise SystemExit(ACCEPTED if report["verdict"] == "accepted" else REFUSED)

    @staticmethod
    def _prefill(path: Path | None) -> PrefillFile | None:
        if path is None:
            return None
        with path.open("rb") as stream:
            return prefill_codec.read(stream)

    def _unusable(self, sentence: str) -> None:
        self.stderr.write(sentence)
        raise SystemExit(UNUSABLE)

    def _tell(self, report: dict[str, Any]) -> None:
        for finding in report["findings"]:
            place = _("ligne %(line)s") % {"line": finding["record"]} if finding["record"] else ""
            self.stdout.write(f"{finding['code']:4} {finding['severity']:8} {place}")
            self.stdout.write(f"     {finding['message']}\n     → {finding['remedy']}")
        self.stdout.write(
            _("Accepté.") if report["verdict"] == "accepted" else _("Refusé."),
        )


def as_data(examination: Examination) -> dict[str, Any]:
    """The verdict of an examination as plain JSON values; amounts in dirhams, as texts."""
    summary = examination.summary
    accepted = examination.verdict is FileVerdict.ACCEPTED
    return {
        "verdict": "accepted" if accepted else "refused",
        "affiliation_number": summary.affiliation_number,
        "period": _period(summary.period),
        "kind": summary.kind.value if summary.kind else None,
        "supplement_number": summary.supplement_number,
        "lines": summary.employees,
        "wage_bill": str(from_cents(summary.wage_bill)),
        "capped_wage_bill": str(from_cents(summary.capped_wage_bill)),
        "findings": [_finding(finding) for finding in examination.findings],
    }


def _period(text: str) -> str:
    try:
        return str(Period.parse(text))
    except InvalidPeriod:
        return text


def _finding(finding: Finding) -> dict[str, Any]:
    """`record` is the number of the record in the file, 1 for the first; `record_type` is B02 and the like."""
    message = message_of(
        finding.code,
        value=finding.value,
        expected=finding.expected,
        field=finding.field,
        line_number=finding.line_number,
        facts=finding.facts,
    )
    remedy = formats.label(TEXTS[finding.code].remedy)
    if finding.deviation:
        remedy = f"{formats.label(DEVIATIONS[finding.deviation])} {remedy}"
    example = EXAMPLES[finding.deviation or finding.code]
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "record": finding.line_number,
        "record_type": finding.record,
        "columns": list(finding.columns) if finding.columns else None,
        "field": finding.field,
        "value": finding.value,
        "expected": finding.expected,
        "message": formats.sentence(message),
        "remedy": remedy,
        "example": {
            "wrong": formats.label(example.wrong),
            "right": formats.label(example.right),
        },
        "deviation": finding.deviation,
    }
