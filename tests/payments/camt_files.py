"""Small camt files built by hand for the tests. Identifiers are invented, with right keys."""

from __future__ import annotations

import io
from typing import Any

RIB = "230780123456789012000038"
OTHER_RIB = "007780000123400000056749"
NS = "urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"
ROOT = {"054": "BkToCstmrDbtCdtNtfctn", "053": "BkToCstmrStmt", "052": "BkToCstmrAcctRpt"}
BODY = {"054": "Ntfctn", "053": "Stmt", "052": "Rpt"}


def details(
    *, amount: str = "", ref: str = "", e2e: str = "NOTPROVIDED", rf: str = "", text: tuple[str, ...] = (),
    sign: str = "", payer: str = "", extra: str = "", version: str = "08",
) -> str:  # fmt: skip
    """One `TxDtls`."""
    party = f"<Pty><Nm>{payer}</Nm></Pty>" if version >= "07" else f"<Nm>{payer}</Nm>"
    return (
        "<TxDtls><Refs>"
        + (f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else "")
        + f"<EndToEndId>{e2e}</EndToEndId></Refs>"
        + (f'<Amt Ccy="MAD">{amount}</Amt>' if amount else "")
        + (f"<CdtDbtInd>{sign}</CdtDbtInd>" if sign else "")
        + (f"<RltdPties><Dbtr>{party}</Dbtr></RltdPties>" if payer else "")
        + "<RmtInf>"
        + "".join(f"<Ustrd>{part}</Ustrd>" for part in text)
        + (f"<Strd><CdtrRefInf><Ref>{rf}</Ref></CdtrRefInf></Strd>" if rf else "")
        + f"</RmtInf>{extra}</TxDtls>"
    )


def entry(
    amount: str = "100.00", *, sign: str = "CRDT", status: str = "BOOK", ref: str = "", day: str = "2026-04-10",
    value: str | None = "2026-04-10", currency: str = "MAD", txs: str = "", extra: str = "", version: str = "08",
    nature: str = "", details_extra: str = "",
) -> str:  # fmt: skip
    """One `Ntry`."""
    state = f"<Cd>{status}</Cd>" if version >= "07" else status
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt>'
        + (f"<CdtDbtInd>{sign}</CdtDbtInd>" if sign else "")
        + extra
        + f"<Sts>{state}</Sts>"
        + (f"<BookgDt><Dt>{day}</Dt></BookgDt>" if day else "")
        + (f"<ValDt><Dt>{value}</Dt></ValDt>" if value else "")
        + (f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else "")
        + (nature or "<BkTxCd/>")
        + (f"<NtryDtls>{details_extra}{txs}</NtryDtls>" if txs or details_extra else "")
        + "</Ntry>"
    )


def camt(
    *entries: str, kind: str = "054", version: str = "08", message_id: str = "M1", statement_id: str = "S1",
    account: str = RIB, header: str = "", balances: tuple[str, str] | None = None, declaration: str | None = None,
    namespace: str | None = None,
) -> bytes:  # fmt: skip
    """A whole message of one statement; `header` goes where the schema wants it: numbers before, the rest after."""
    body = BODY[kind]
    space = NS.format(kind=kind, version=version) if namespace is None else namespace
    numbers, header = (header, "") if header.startswith("<ElctrncSeqNb>") else ("", header)
    bal = ""
    if balances:
        for code, text in zip(("OPBD", "CLBD"), balances, strict=True):
            sign = "DBIT" if text.startswith("-") else "CRDT"
            bal += (
                f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
                f'<Amt Ccy="MAD">{text.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
                "<Dt><Dt>2026-04-10</Dt></Dt></Bal>"
            )
    xmlns = f' xmlns="{space}"' if space else ""
    text = (
        f"<Document{xmlns}><{ROOT[kind]}>"
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-04-10T18:00:00+01:00</CreDtTm></GrpHdr>"
        f"<{body}><Id>{statement_id}</Id>{numbers}<CreDtTm>2026-04-10T18:00:00+01:00</CreDtTm>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>MAD</Ccy></Acct>{bal}{header}"
        + "".join(entries)
        + f"</{body}></{ROOT[kind]}></Document>"
    )
    prolog = '<?xml version="1.0" encoding="UTF-8"?>' if declaration is None else declaration
    return (prolog + text).encode()


def inspected(data: bytes, **profile: Any) -> Any:
    """First pass over these bytes, through the sniffer."""
    from payments.codecs import camt as codec
    from payments.codecs.records import ReadingProfile
    from payments.codecs.sniff import HEAD, sniff

    reading = ReadingProfile(**profile)
    format, version = sniff(data[:HEAD], namespaces=reading.namespaces)
    return codec.inspect(io.BytesIO(data), format, version, reading)


def lines(data: bytes, **profile: Any) -> list[Any]:
    """Second pass over these bytes."""
    from payments.codecs import camt as codec
    from payments.codecs.records import ReadingProfile

    return list(codec.read(io.BytesIO(data), ReadingProfile(**profile)))
