"""A camt.054 from its bytes to its last verdict, against bare iterparse plus COPY of as many lines.

    .venv/bin/python -m bench.bank_file [LINES [returns | orders]]

One JSON line: seconds, lines a second, peak memory of this process, and the ratio to the bare reading and writing,
in one run on one database; the same in seconds of processor, of this process and its database session, which a busy
machine changes little. Half of the operations pay a slip by reference, half wait in suspense; with `returns`, a second
file takes every one of them back, and that one is measured; with `orders`, each credit collects a debit order (in
`first_file_seconds`) and the second file brings every one back. The goals are 1,000 lines answered within 2 s and
128 MB of added memory; a ratio of 4 is the aim, not reached: each line is read twice and also gets an identity, a
verdict and a balanced entry of two lines, in tables with all their keys. `same_rows_seconds` is what the database alone
takes to COPY the rows that the file became, indexes included but no foreign key, from a copy of them: a floor for any
program that writes them. docs/decisions/bank-lines-by-the-chunk.md tells where the rest goes. Exit code 1 when a goal
is missed.
"""

import io
import json
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from bench._database import database
from bench._orders import orders

AIM_RATIO = 4
GOAL_SECONDS = 2  # for 1,000 lines
GOAL_MEGABYTES = 128
RIB = "230780123456789012000038"
SLIPS = 500
AT = datetime(2026, 4, 10, 12, tzinfo=UTC)

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
    "<GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-04-10T18:00:00+01:00</CreDtTm></GrpHdr>"
    "<Ntfctn><Id>S1</Id><CreDtTm>2026-04-10T18:00:00+01:00</CreDtTm>"
    "<Acct><Id><Othr><Id>" + RIB + "</Id></Othr></Id><Ccy>MAD</Ccy></Acct>"
)
_ENTRY = (
    '<Ntry><Amt Ccy="MAD">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    "<BookgDt><Dt>2026-04-10</Dt></BookgDt><ValDt><Dt>2026-04-10</Dt></ValDt>"
    "<AcctSvcrRef>{message}{n:08}</AcctSvcrRef><BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>E{n:08}</EndToEndId></Refs>"
    '<Amt Ccy="MAD">10.00</Amt><RltdPties><Dbtr><Pty><Nm>Société {n}</Nm></Pty></Dbtr></RltdPties>'
    "<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
)
_RETURN = (
    '<Ntry><Amt Ccy="MAD">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    "<BookgDt><Dt>2026-04-10</Dt></BookgDt><ValDt><Dt>2026-04-10</Dt></ValDt>"
    "<AcctSvcrRef>{message}{n:08}</AcctSvcrRef><BkTxCd/><NtryDtls><TxDtls>"
    "<Refs><EndToEndId>{reference}</EndToEndId></Refs><RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>"
)
_TAIL = "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"


def message(name: str, lines: int, codes: list[str]) -> bytes:
    """A file of `lines` credits of 10 DH, every other one citing a slip."""
    out = io.StringIO()
    out.write(_HEAD.format(message=name))
    for n in range(lines):
        text = f"CNSS {codes[n // 2 % len(codes)]}" if n % 2 else "versement"
        out.write(_ENTRY.format(message=name, n=n, text=text))
    out.write(_TAIL)
    return out.getvalue().encode()


def returned(name: str, lines: int) -> bytes:
    """A file of `lines` debits, each of which takes back the credit of its rank."""
    return returned_of(name, [f"E{n:08}" for n in range(lines)])


def collected_of(name: str, references: list[str]) -> bytes:
    """A file of one credit of 10 DH for each of these orders."""
    out = io.StringIO()
    out.write(_HEAD.format(message=name))
    for n, reference in enumerate(references):
        entry = _ENTRY.format(message=name, n=n, text="prélèvement")
        out.write(entry.replace(f"E{n:08}", reference))
    out.write(_TAIL)
    return out.getvalue().encode()


def returned_of(name: str, references: list[str]) -> bytes:
    """A file of one debit of 10 DH for each of these end-to-end references."""
    out = io.StringIO()
    out.write(_HEAD.format(message=name))
    for n, reference in enumerate(references):
        out.write(_RETURN.format(message=name, n=n, reference=reference))
    out.write(_TAIL)
    return out.getvalue().encode()


def bare(data: bytes) -> float:
    """Seconds to walk the entries with lxml, nothing kept, and to COPY as many rows of four columns."""
    from django.db import connection
    from lxml import etree

    start = time.perf_counter()
    out = io.StringIO()
    for _event, element in etree.iterparse(io.BytesIO(data), tag="{*}Ntry", resolve_entities=False):
        reference = element.find("{*}AcctSvcrRef").text
        amount = element.find("{*}Amt").text
        out.write(f"{reference}\t{amount}\t2026-04-10\tCRDT\n")
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    out.seek(0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (ref text, amount numeric(17,2), day date, sign text)")
        cursor.copy_expert("COPY bare FROM STDIN", out)
        cursor.execute("DROP TABLE bare")
    return time.perf_counter() - start


TABLES = ("payments_bankline", "payments_ledgerentry", "payments_ledgerline", "payments_allocation")


def same_rows() -> float:
    """Seconds to COPY the rows that were written into tables with the same keys and indexes, in one transaction."""
    from django.db import connection, transaction

    copies = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TABLE again_{table} (LIKE {table} INCLUDING ALL)")
            copies.append((table, tempfile.TemporaryFile()))  # noqa: SIM115
            cursor.copy_expert(f"COPY {table} TO STDOUT", copies[-1][1])
    start = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for table, rows in copies:
            rows.seek(0)
            cursor.copy_expert(f"COPY again_{table} FROM STDIN", rows)
    elapsed = time.perf_counter() - start
    with connection.cursor() as cursor:
        for table, rows in copies:
            rows.close()
            cursor.execute(f"DROP TABLE again_{table}")
    return elapsed


def world() -> tuple[object, object, list[str]]:
    """A bank, its user, and slips to pay; made by rows, since only the import is measured."""
    from affiliates.models import Affiliate, Agency
    from declarations.models import ContributionLine, Declaration
    from payments.models import Bank, BankAccount
    from payments.workflows.slips import issue_slip
    from portal.models import User
    from regulation.identifiers import complete_affiliation_number

    user = User.objects.create_user("banque@exemple.ma", full_name="Banque")
    bank = Bank.objects.create(code="230", name="Banque")
    BankAccount.objects.create(bank=bank, rib=RIB, label="Recouvrement")
    agency = Agency.objects.create(code="01", name="Agence", name_ar="وكالة", city="Rabat")
    codes = []
    for n in range(SLIPS):
        affiliate = Affiliate.objects.create(
            affiliation_number=complete_affiliation_number(f"{300_000 + n}"),
            name=f"Société {n}",
            agency=agency,
            affiliated_on=date(2015, 1, 1),
            address="1 rue",
            city="Rabat",
        )
        declaration = Declaration.objects.create(
            affiliate=affiliate, period=date(2026, 2, 1), mode="file", status="submitted", submitted_at=AT,
            receipt_number=f"R{n}", contributions_total=Decimal("5000.00"),
        )  # fmt: skip
        ContributionLine.objects.create(
            declaration=declaration, branch="PF", base=Decimal("1.00"), rate_employer=Decimal("1.000"),
            rate_employee=Decimal("0.000"), employer_share=Decimal("5000.00"), employee_share=Decimal("0.00"),
            working=[],
        )  # fmt: skip
        codes.append(issue_slip(actor=None, declaration_id=declaration.pk, at=AT).payment_reference)
    return user, bank, codes


def imported(user: object, bank: object, data: bytes) -> float:
    """Seconds from the upload to the last verdict, in as many turns as the file takes."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from payments.workflows.bank_files import import_file, receive

    upload = SimpleUploadedFile("camt.xml", data)
    start = time.perf_counter()
    received = receive(actor=user, bank=bank, upload=upload, at=AT)  # type: ignore[arg-type]
    while received.bank_file.state != "done":
        import_file(bank_file_id=received.bank_file.pk, at=AT)
        received.bank_file.refresh_from_db()
    elapsed = time.perf_counter() - start
    assert not received.bank_file.lines.filter(verdict="").exists()
    return elapsed


def processor() -> float:
    """Seconds of processor that this process and its database session have had: what a busy machine does not change."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        session = cursor.fetchone()[0]
    fields = Path(f"/proc/{session}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> int:
    from django.db import connection

    from payments.ledger_check import check

    count = int(arguments[0]) if arguments else 100_000
    user, bank, codes = world()
    small = imported(user, bank, message("A", 1000, codes))
    data, first = message("B", count, codes), None
    if "returns" in arguments:
        first = imported(user, bank, data)
        data = returned("C", count)
    elif "orders" in arguments:
        references = orders(count, codes)
        first = imported(user, bank, collected_of("B", references))
        data = returned_of("C", references)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy = processor()
    seconds = imported(user, bank, data)
    busy = processor() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    base_busy = processor()
    base = bare(data)
    base_busy = processor() - base_busy
    floor = same_rows()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself within a minute
    ok = check().breaches == ()
    report = {
        "bench": "bank_file",
        "of": arguments[1] if len(arguments) > 1 else "credits",
        "lines": count,
        "megabytes": round(len(data) / 1e6, 1),
        "first_file_seconds": round(first, 2) if first else None,
        "seconds": round(seconds, 2),
        "lines_per_second": round(count / seconds),
        "bare_seconds": round(base, 2),
        "ratio": round(seconds / base, 2),
        "processor_seconds": round(busy, 2),
        "processor_ratio": round(busy / base_busy, 2),
        "aim_ratio": AIM_RATIO,
        "same_rows_seconds": round(floor, 2),
        "ratio_to_same_rows": round(seconds / (base + floor), 2),
        "added_memory_mb": round((peak - before) / 1024, 1),
        "thousand_lines_seconds": round(small, 2),
        "ledger": ok,
    }
    print(json.dumps(report))
    good = ok and small <= GOAL_SECONDS and report["added_memory_mb"] <= GOAL_MEGABYTES
    return 0 if good else 1


if __name__ == "__main__":
    os.environ["STATEMENT_TIMEOUT_SECONDS"] = "300"  # as the worker has
    with database():
        code = main(sys.argv[1:])
    sys.exit(code)
