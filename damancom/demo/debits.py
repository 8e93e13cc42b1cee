"""Debits of the demo: the garage's account, authorised; one order that came back unpaid, one on its way."""

import datetime
from decimal import Decimal
from uuid import uuid5

from django.core.files.uploadedfile import SimpleUploadedFile

from affiliates import workflows as people
from affiliates.models import Affiliate, DebitAuthority
from damancom.demo import world
from damancom.demo.paper import intent
from damancom.demo.register import Register
from payments.models import DebitOrder
from payments.queries.debits import free_dues
from payments.transitions import cut_off, first_collection_day
from payments.workflows import bank_files
from payments.workflows.debits import orders, runs
from portal import clock
from regulation.identifiers import rib_key

CAP = Decimal("60000.00")
_BODY = "9117800001122003340005"


def live(register: Register, *, now: datetime.datetime) -> None:
    """Play the garage's two orders: three weeks ago, and this week. Nothing when it has nothing free to pay."""
    firm = world.firm("garage")
    affiliate = register.affiliates[firm.key]
    then = now - datetime.timedelta(days=21)
    authority = _authority(register, affiliate, then)
    first = _send(register, affiliate, authority, then, "first")
    if first is None:
        return
    for sign, reason, name in (("CRDT", "", "encaisse"), ("DBIT", "AM04", "impaye")):
        _booked(register, first, sign, reason, name, now)
    _send(register, affiliate, authority, now - datetime.timedelta(days=4), "second")


def _authority(register: Register, affiliate: Affiliate, at: datetime.datetime) -> DebitAuthority:
    owner = register.user(world.firm("garage").owner)
    made = people.prepare_authority(
        actor=owner,
        at=at,
        affiliate=affiliate,
        rib=_BODY + rib_key(_BODY),
        holder=affiliate.name,
        cap=CAP,
    )
    made = people.sign_authority(actor=owner, at=at, authority=made)
    bank = register.user(world.bank("911").user)
    return orders.activate(actor=bank, authority=made, at=at)


def _send(
    register: Register,
    affiliate: Affiliate,
    authority: DebitAuthority,
    at: datetime.datetime,
    name: str,
) -> DebitOrder | None:
    """Sign an order of the oldest free due and let two members of staff send it after its cut-off."""
    free = [one for one in free_dues(affiliate) if one.free]
    if not free:
        return None
    owner, day = (
        register.user(world.firm("garage").owner),
        first_collection_day(at, clock.CASABLANCA),
    )
    made = orders.prepare_order(
        actor=owner,
        affiliate=affiliate,
        intent=uuid5(intent("garage debit"), name),
        codes=[free[0].due.code],
        parts=[orders.Part(authority.pk, free[0].free)],
        collect_on=day,
        at=at,
    )
    orders.sign_order(actor=owner, affiliate=affiliate, intent=made[0].intent, at=at)
    later = cut_off(day, clock.CASABLANCA)
    account = runs.account_for(runs.our_accounts(), authority.bank_code)
    if account is not None:
        run = runs.prepare_run(actor=register.treasurer, account=account, collect_on=day, at=later)
        runs.release_run(
            actor=register.supervisor, run=run, count=1, total=made[0].amount, at=later
        )
        runs.write_run(run_id=run.pk, at=later)
    return made[0]


def _booked(
    register: Register, order: DebitOrder, sign: str, reason: str, name: str, now: datetime.datetime
) -> None:
    """A notice of one booked line that cites the order."""
    house = world.bank("911")
    day = min(
        order.collect_on + datetime.timedelta(days=0 if sign == "CRDT" else 7), clock.day_of(now)
    )
    instant = f"{day.isoformat()}T18:30:00+01:00"
    back = f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>" if reason else ""
    ref = f"911{day:%y%m%d}{sign}"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>{ref}</MsgId><CreDtTm>{instant}</CreDtTm></GrpHdr>"
        f"<Ntfctn><Id>{ref}-1</Id><CreDtTm>{instant}</CreDtTm>"
        f"<Acct><Id><Othr><Id>{house.rib}</Id></Othr></Id><Ccy>MAD</Ccy></Acct>"
        f'<Ntry><Amt Ccy="MAD">{order.amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{ref}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>OTHR</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{ref}T</AcctSvcrRef><EndToEndId>{order.reference}</EndToEndId>"
        f"</Refs>{back}</TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n"
    ).encode()
    received = bank_files.receive(
        actor=register.user(house.user),
        at=now,
        bank=register.banks["911"],
        upload=SimpleUploadedFile(f"prelevement-{name}.xml", content),
    )
    bank_files.import_file(bank_file_id=received.bank_file.pk, at=now)
