"""The check of a file for everybody: no account, nothing kept, the engine of the filing (`check_ebds` as a page)."""

import base64
import io
import json
from collections import Counter
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from declarations import workflows
from declarations.check_report import as_data
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import NotAPrefill, PrefillFile
from declarations.codecs.sheets import SHEET_OPENING, is_sheet
from declarations.enums import FileVerdict, Severity
from declarations.finding_texts import TEXTS
from declarations.forms import ValidatorForm
from declarations.rules import Examination, Expected, repair
from declarations.rules.repair import Repair
from portal.downloads import attachment
from portal.errors import FileTooLargeError, TooManyAttempts, message_of
from portal.limits import CHECKS_FROM_ADDRESS, count
from portal.middleware import client_address
from portal.uploads import takes_files
from regulation.money import from_cents

#: Findings told one by one on the page; the report has them all.
FINDINGS_SHOWN = 200
#: Up to this size, the report and the mended file travel with the page; larger ones are asked for by their button.
CARRIED = 1_048_576


@takes_files(2 * workflows.LIMIT)
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def validator(request: HttpRequest) -> HttpResponseBase:
    """Check a declaration file, with the prefill it answers and the name it will carry if they are given.

    Answers a page or, as `sortie` asks, the JSON report or the mended file. The bytes are read where they lie and
    go with the request.
    """
    if request.method != "POST":
        return _page(request, ValidatorForm())
    try:
        count(CHECKS_FROM_ADDRESS, client_address(request))
    except TooManyAttempts as refusal:
        answer = _page(request, ValidatorForm(), status=429, refusal=message_of(refusal))
        answer["Retry-After"] = str(refusal.wait_seconds)
        return answer
    form = ValidatorForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    said = form.cleaned_data
    for sent in (said["file"], said["prefill"]):
        if sent is not None and sent.size > workflows.LIMIT:
            limit = workflows.LIMIT // 1_048_576
            refusal_text = message_of(FileTooLargeError(name=sent.name[:80], limit_mb=limit))
            return _page(request, form, status=413, refusal=refusal_text)
    content = said["file"].read()
    if is_sheet(content[:SHEET_OPENING]):
        words = _(
            "Un tableur se contrôle sur la page de son mois, dans votre espace : il y est lu à part."
        )
        return _page(request, form, status=422, refusal=words)
    try:
        prefill = _prefill(said["prefill"])
    except NotAPrefill:
        form.add_error("prefill", _("Ce fichier n’est pas un préétabli (A00 à A03)."))
        return _page(request, form, status=422)
    return _checked(
        request, form, content, Expected(prefill=prefill, file_name=said["name"] or None)
    )


def _prefill(sent: UploadedFile | None) -> PrefillFile | None:
    return prefill_codec.read(io.BytesIO(sent.read())) if sent is not None else None


def _checked(
    request: HttpRequest, form: ValidatorForm, content: bytes, expected: Expected
) -> HttpResponseBase:
    examination = Examination(expected)
    for _line in examination.run(io.BytesIO(content)):
        pass
    name = form.cleaned_data["file"].name
    wanted = form.cleaned_data["sortie"]
    if wanted == "json":
        report = _report(as_data(examination))
        return attachment(report, name=f"{name}.json", content_type="application/json")
    proposed = repair.propose(content, expected)
    if wanted == "repare":
        if proposed is not None:
            return attachment(proposed.content, name=name, content_type="text/plain")
        refusal = _("Aucune réparation certaine : seule une personne peut dire ce qui est juste.")
        return _page(request, form, **_told(examination, None, name), refusal=refusal)
    return _page(request, form, **_told(examination, proposed, name))


def _report(report: dict[str, Any]) -> bytes:
    return json.dumps(report, ensure_ascii=False, indent=2).encode()


def _told(examination: Examination, proposed: Repair | None, name: str) -> dict[str, Any]:
    """What the page says of a check."""
    report = as_data(examination)
    counted = Counter((finding.severity, finding.code) for finding in examination.findings)
    order = list(Severity)
    groups = [
        {"severity": severity, "code": code, "count": found, "text": TEXTS[code]}
        for (severity, code), found in sorted(
            counted.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])
        )
    ]
    shown = [
        {
            "told": told,
            "severity": finding.severity,
            "record": finding.record,
            "deviation": finding.deviation,
        }
        for told, finding in zip(report["findings"], examination.findings, strict=True)
    ][:FINDINGS_SHOWN]
    return {
        "report": report,
        "summary": examination.summary,
        "wage_bill": from_cents(examination.summary.wage_bill),
        "capped_wage_bill": from_cents(examination.summary.capped_wage_bill),
        "is_accepted": examination.verdict is FileVerdict.ACCEPTED,
        "groups": groups,
        "findings": shown,
        "more": max(0, len(examination.findings) - len(shown)),
        "file_name": name,
        "report_link": _carried("application/json", _report(report)),
        "repair": proposed,
        "repair_link": _carried("text/plain", proposed.content) if proposed else "",
    }


def _carried(content_type: str, content: bytes) -> str:
    """A link that holds its file: nothing of it is kept here. Empty when it would weigh too much."""
    if len(content) > CARRIED:
        return ""
    return f"data:{content_type};base64,{base64.b64encode(content).decode('ascii')}"


def _page(
    request: HttpRequest, form: ValidatorForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    return render(
        request,
        "declarations/validator.html",
        {"report": None, "refusal": "", "form": form, **context},
        status=status,
    )
