"""The offline check: its shape, its exit status, and the same verdict as filing."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from declarations import workflows
from declarations.codecs import e_bds
from declarations.models import FileFinding, ReceivedFile
from tests.cast import Cast
from tests.declarations.damage import CASES, Case
from tests.declarations.factories import AT, JANUARY, answer, employ, issue
from tests.declarations.samples import MAIN, PREFILL_BYTES, put
from tests.declarations.workbooks import DAYS, with_cell, workbook

DATA = Path(__file__).parent / "data"


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("check_ebds", *arguments, stdout=out, stderr=err)
    return int(str(stop.value.code)), out.getvalue(), err.getvalue()


def check(content: bytes, folder: Path, **options: object) -> tuple[int, dict[str, Any]]:
    file = folder / "ds.txt"
    file.write_bytes(content)
    arguments = [str(file), "--json"]
    for name, value in options.items():
        arguments += [f"--{name}", str(value)]
    status, out, _ = run(*arguments)
    return status, json.loads(out)


def test_an_accepted_file(tmp_path: Path) -> None:
    status, report = check(
        MAIN.content,
        tmp_path,
        prefill=DATA / "AFFEBDS_1234567_202601.txt",
        name="DS_1234567_202601.txt",
    )

    assert status == 0
    assert report == {
        "verdict": "accepted",
        "affiliation_number": "1234567",
        "period": "2026-01",
        "kind": "main",
        "supplement_number": 0,
        "lines": 5,
        "wage_bill": "20335.32",
        "capped_wage_bill": "17834.81",
        "findings": [],
    }


def test_a_refused_file_says_where_and_what_to_do(tmp_path: Path) -> None:
    content = MAIN.with_line(0, summed=False, control_sum=113683518)

    status, report = check(content, tmp_path)

    assert status == 1
    assert report["verdict"] == "refused"
    first = report["findings"][0]
    assert first["message"].startswith("La somme de contrôle vaut 113683518")
    assert first["remedy"]
    words = ("message", "remedy")
    assert {name: first[name] for name in first if name not in words} == {
        "code": "R36",
        "severity": "line",
        "record": 3,
        "columns": [138, 156],
        "field": "S_Ctr",
        "value": "113683518",
        "expected": "113683517",
    }


#: The contract with payroll software, key by key, in this order.
REPORT = [
    "verdict", "affiliation_number", "period", "kind", "supplement_number", "lines", "wage_bill", "capped_wage_bill",
    "findings",
]  # fmt: skip
FINDING = [
    "code", "severity", "record", "columns", "field", "value", "expected", "message", "remedy",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}")
def test_the_report_has_its_keys_and_no_other(tmp_path: Path, case: Case) -> None:
    status, report = check(case.make(), tmp_path)

    assert list(report) == REPORT
    assert report["verdict"] == ("accepted" if status == 0 else "refused")
    assert status in (0, 1)
    assert (status == 1) == any(one["severity"] in ("file", "line") for one in report["findings"])
    for one in report["findings"]:
        assert list(one) == FINDING
        assert one["severity"] in ("file", "line", "warning")
        assert one["columns"] is None or [type(edge) for edge in one["columns"]] == [int, int]
        assert all(isinstance(one[name], str) for name in FINDING[4:])


def test_a_spreadsheet_is_checked_with_its_prefill(tmp_path: Path) -> None:
    prefill = DATA / "AFFEBDS_1234567_202601.txt"

    assert check(workbook(), tmp_path, prefill=prefill)[1]["verdict"] == "accepted"
    status, report = check(workbook(with_cell(1, DAYS, 31)), tmp_path, prefill=prefill)
    assert (status, report["findings"][0]["code"], report["findings"][0]["record"]) == (1, "R28", 3)
    assert list(report["findings"][0]) == FINDING
    status, _, err = run(str(tmp_path / "ds.txt"))
    assert status == 2
    assert "--prefill" in err


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    file = DATA / "DS_1234567_202601.txt"

    assert run(str(tmp_path / "absent.txt"))[0] == 2
    assert run(str(file), "--prefill", str(tmp_path / "absent.txt"))[0] == 2
    status, _, err = run(str(file), "--prefill", str(file))
    assert status == 2
    assert "n’est pas un préétabli" in err


def test_a_person_reads_the_same(tmp_path: Path) -> None:
    file = tmp_path / "ds.txt"
    file.write_bytes(put(MAIN.content, 3, 112, "27"))

    status, out, _ = run(str(file))

    assert status == 1
    assert "R28" in out
    assert out.rstrip().endswith("Refusé.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.code not in ("F3", "F4", "R1", "R92", "R93", "R94")],
    ids=lambda case: f"{case.code}-{case.severity}",
)
def test_filing_gives_the_same_findings(cast: Cast, tmp_path: Path, case: Case) -> None:
    """One engine: whatever the offline check says of a file with its prefill and name, filing says."""
    cast.affiliate.affiliation_number = "1234567"
    cast.affiliate.save()
    row = issue(cast.owner, cast.affiliate)
    type(row).objects.update(content=PREFILL_BYTES)
    content, name = case.make(), e_bds.file_name("1234567", "202601")
    prefill = tmp_path / "prefill.txt"
    prefill.write_bytes(PREFILL_BYTES)

    _, report = check(content, tmp_path, prefill=prefill, name=name)
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=name,
        chunks=[content],
    )
    file = workflows.check_file(file_id=file.pk, at=AT)

    offline = [(one["code"], one["severity"], one["record"]) for one in report["findings"]]
    filed = FileFinding.objects.values_list("code", "severity", "line_number")
    # Supplementary files also wait for the main declaration, which only filing knows.
    assert [one for one in filed if one[0] != "R93"] == offline
    if "R93" not in {one[0] for one in filed}:
        assert (file.verdict == "accepted") == (report["verdict"] == "accepted")


@pytest.mark.django_db
def test_thousands_of_findings_are_kept(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate)
    sound = answer(row).split(b"\n")
    content = b"\n".join([*sound[:3], *[sound[2]] * 3000, *sound[3:]])

    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS.txt",
        chunks=[content],
    )
    workflows.check_file(file_id=file.pk, at=AT)

    assert FileFinding.objects.filter(code="R22").count() == 3000
    assert ReceivedFile.objects.get().finding_count == FileFinding.objects.count()
    assert replace(MAIN, lines=()).content
