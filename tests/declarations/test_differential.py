"""One engine: what the offline check says of a file, filing says, over thousands of generated files.

`DIFFERENTIAL_FILES` asks for more of them, `DIFFERENTIAL_SEED` for others.
"""

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from affiliates.models import Affiliate
from declarations import workflows
from declarations.models import Prefill, ReceivedFile
from portal.models import User
from tests.affiliates.factories import AffiliateFactory, UserFactory
from tests.declarations.factories import AT, JANUARY
from tests.declarations.generator import DAMAGES, Firm, Sent, files

pytestmark = pytest.mark.django_db

COUNT = int(os.environ.get("DIFFERENTIAL_FILES", "2000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "20260131"))
#: What only filing knows: whether the month has its main declaration.
BEYOND_THE_FILE = "R93"

Verdict = tuple[bool, list[tuple[str, str, int | None]]]


def known_to_the_fund(firm: Firm) -> Affiliate:
    affiliate: Affiliate = AffiliateFactory(affiliation_number=firm.affiliation_number)
    Prefill.objects.create(
        affiliate=affiliate,
        period=JANUARY.first_day,
        transfer_id=firm.transfer_identifier,
        issued_on=AT.date(),
        due_on=AT.date(),
        employee_count=len(firm.people),
        content=firm.prefill,
    )
    return affiliate


def offline(one: Sent, folder: Path) -> Verdict:
    """What `check_ebds FILE --prefill PREFILL --name NAME --json` prints."""
    file, prefill = folder / "file", folder / f"prefill-{one.firm.affiliation_number}"
    file.write_bytes(one.content)
    if not prefill.exists():
        prefill.write_bytes(one.firm.prefill)
    out = io.StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("check_ebds", file, prefill=prefill, name=one.name, json=True, stdout=out)
    report = json.loads(out.getvalue())
    assert stop.value.code == (0 if report["verdict"] == "accepted" else 1)
    findings = [(found["code"], found["severity"], found["record"]) for found in report["findings"]]
    return report["verdict"] == "accepted", findings


def filed(group: list[Sent], firms: dict[str, Affiliate], actor: User) -> list[Verdict]:
    """The same files received and checked, as the page and the worker do."""
    rows = []
    for one in group:
        row, _due = workflows.receive_file(
            actor=actor,
            at=AT,
            affiliate=firms[one.firm.affiliation_number],
            period=JANUARY,
            name=one.name,
            chunks=[one.content],
        )
        rows.append(row)
    workflows.check_files(file_ids=[row.pk for row in rows], at=AT)
    found = ReceivedFile.objects.in_bulk([row.pk for row in rows])
    verdicts = []
    for row in rows:
        findings = [
            finding
            for finding in found[row.pk].findings.values_list("code", "severity", "line_number")
            if finding[0] != BEYOND_THE_FILE
        ]
        verdicts.append((all(one[1] == "warning" for one in findings), findings))
    return verdicts


def compared(count: int, folder: Path) -> Iterator[tuple[Sent, Verdict, Verdict]]:
    actor = UserFactory()
    firms: dict[str, Affiliate] = {}
    for group in files(count, SEED):
        for one in group:
            if one.firm.affiliation_number not in firms:
                firms[one.firm.affiliation_number] = known_to_the_fund(one.firm)
        for one, theirs in zip(group, filed(group, firms, actor), strict=True):
            yield one, offline(one, folder), theirs


def difference(one: Sent, ours: Verdict, theirs: Verdict) -> dict[str, Any]:
    return {
        "damages": one.damages,
        "sha256": hashlib.sha256(one.content).hexdigest()[:12],
        "offline": ours,
        "filed": theirs,
    }


def test_filing_and_the_offline_check_agree(tmp_path: Path) -> None:
    codes: Counter[str] = Counter()
    damages: Counter[str] = Counter()
    accepted = 0
    for one, ours, theirs in compared(COUNT, tmp_path):
        assert ours == theirs, difference(one, ours, theirs)
        accepted += ours[0]
        codes.update({code for code, _severity, _line in ours[1]})
        damages.update(one.damages)
    for row in ReceivedFile.objects.prefetch_related("findings"):
        severities = {finding.severity for finding in row.findings.all()}
        stored = "accepted" if severities <= {"warning"} else "blocked"
        assert row.verdict == ("refused" if "file" in severities else stored)
    # The generator has teeth: every kind of damage, most controls, and files of both verdicts.
    assert set(DAMAGES) <= set(damages)
    assert len(codes) >= 40, sorted(codes)
    assert COUNT / 10 < accepted < COUNT / 2


def test_a_control_that_only_one_of_them_has_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: filing forgets one control, the comparison says so."""

    class Forgetful(workflows.checks.Examination):
        def run(self, stream: Any) -> Iterator[Any]:
            yield from super().run(stream)
            self.findings[:] = [one for one in self.findings if one.code != "R36"]

    monkeypatch.setattr(workflows.checks, "Examination", Forgetful)
    assert [one for one, ours, theirs in compared(200, tmp_path) if ours != theirs]
