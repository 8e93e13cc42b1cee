"""Read any bank file without a database, and say what the portal would say of its form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from payments.codecs import reading
from payments.codecs.faults import Faults, FormatError
from payments.codecs.profiles import profile_from, shipped, shipped_names
from payments.codecs.records import CanonicalLine, MessageSummary, ReadingProfile
from payments.enums import BankFileVerdict
from portal import clock
from regulation.errors import DomainError
from regulation.money import format_amount


class Command(BaseCommand):
    help = (
        "Lit un fichier de banque, sans base de données : format, totaux, anomalies et opérations."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="le fichier à lire")
        parser.add_argument(
            "--profile",
            metavar="NAME",
            default="standard",
            help=f"profil de lecture ({', '.join(shipped_names())}) ou fichier .json",
        )
        parser.add_argument("--json", action="store_true", help="répondre en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            profile = _profile(options["profile"])
            with path.open("rb") as stream:
                self._check(stream, profile, as_json=options["json"])
        except OSError as error:
            name = error.filename or path.name
            raise CommandError(
                _("Le fichier %(name)s ne peut pas être ouvert.") % {"name": name}
            ) from error
        except json.JSONDecodeError as error:
            raise CommandError(_("Le profil n’est pas un fichier JSON.")) from error
        except DomainError as refusal:
            raise CommandError(_(refusal.message).format(**refusal.facts)) from refusal

    def _check(self, stream: IO[bytes], profile: ReadingProfile, *, as_json: bool) -> None:
        today = clock.today()
        tell = self._as_json if as_json else self._in_words
        try:
            with reading.open_file(stream, profile, near=today) as opened:
                summary = reading.inspect(opened)
                reading.check_days(summary, today)
                tell(summary, summary.faults, opened)
        except FormatError as error:
            faults = Faults()
            faults.append(error.fault)
            tell(None, faults, None)

    def _as_json(
        self, summary: MessageSummary | None, faults: Faults, opened: reading.Opened | None
    ) -> None:
        for piece in _answer(summary, faults, opened):
            self.stdout.write(piece, ending="")
        self.stdout.write("")

    def _in_words(
        self, summary: MessageSummary | None, faults: Faults, opened: reading.Opened | None
    ) -> None:
        for told in faults:
            self.stdout.write(f"{told.public_code} {told.text(_)}")
        if summary is None or opened is None or faults.refuses:
            raise CommandError(_("Fichier refusé."))
        self.stdout.write(
            _("%(format)s : %(lines)s opérations, crédits %(credits)s DH, débits %(debits)s DH.")
            % {
                "format": summary.format.value,
                "lines": summary.lines,
                "credits": format_amount(summary.credit_total),
                "debits": format_amount(summary.debit_total),
            }
        )


def _profile(name: str) -> ReadingProfile:
    path = Path(name)
    if path.suffix == ".json":
        return profile_from(json.loads(path.read_text("utf-8")), name=path.stem)
    return shipped(name)


def _answer(
    summary: MessageSummary | None, faults: Faults, opened: reading.Opened | None
) -> Iterator[str]:
    """The JSON object in pieces: the lines are streamed, whatever their number. Amounts are texts, in dirhams."""
    refused = faults.refuses or summary is None or opened is None
    head = {
        "verdict": BankFileVerdict.REFUSED if refused else BankFileVerdict.ACCEPTED,
        "format": summary.format.value if summary else None,
        "message_id": summary.message_id if summary else None,
        "accounts": list(dict.fromkeys(one.account for one in summary.statements if one.account))
        if summary
        else [],
    }
    yield f'{json.dumps(head, ensure_ascii=False)[:-1]}, "lines": ['
    if not refused and opened is not None:
        for count, line in enumerate(reading.lines(opened)):
            yield (", " if count else "") + json.dumps(_line(line), ensure_ascii=False)
    tail = {
        "totals": {
            "lines": summary.lines,
            "total": str(summary.total),
            "credits": summary.credits,
            "credit_total": str(summary.credit_total),
            "debits": summary.debits,
            "debit_total": str(summary.debit_total),
        }
        if summary
        else {},
        "findings": [
            {"code": one.public_code, "message": one.text(_), "facts": dict(one.facts)}
            for one in faults
        ],
    }
    yield f"], {json.dumps(tail, ensure_ascii=False)[1:]}"


def _line(line: CanonicalLine) -> dict[str, Any]:
    return {
        "rank": line.rank,
        "kind": line.kind.name,
        "is_reversal": line.is_reversal,
        "amount": str(line.amount),
        "currency": line.currency,
        "booking_day": line.booking_day.isoformat(),
        "value_day": line.value_day.isoformat() if line.value_day else None,
        "bank_ref": line.bank_ref,
        "end_to_end": line.end_to_end,
        "creditor_ref": line.creditor_ref,
        "free_text": line.free_text,
        "reason_code": line.reason_code,
        "status": line.status,
    }
