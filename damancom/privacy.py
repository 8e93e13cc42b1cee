"""What each table holds about people, until when, and why: one table, which a test compares with the models.

Law 09-08 (art. 3) asks for data that last no longer than their purpose. Where a time is ours to choose it ends by
itself, by the rule that is named. No source that we read gives an end to careers, books, pieces and traces: no end is
invented for them (docs/decisions/privacy.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from affiliates import workflows
from portal import incidents, limits, mail, sessions
from portal.enums import PurgeRule
from portal.purging import Forget


class DataClass(StrEnum):
    """How much of a person a row tells, from nothing to what opens their account."""

    NOBODY = "nobody"  # banks, agencies, counters, the state of the machine
    FIRM = "firm"  # what an employer is, does and owes
    PERSON = "person"  # who somebody is, what they wrote, how to reach them
    WAGE = "wage"  # what somebody earns, their identity documents, their bank accounts
    SECRET = "secret"  # noqa: S105 - what opens an account; a digest, sealed, or gone


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the table: what, until when, why; ``ended_by`` names the nightly rule, when a clock ends it."""

    data: DataClass
    until: str
    why: str
    ended_by: PurgeRule | None = None


#: What the clock ends, each night and by ``manage.py purge``. In this order: what names most people first.
RULES: Final[dict[PurgeRule, Forget]] = {
    PurgeRule.REGISTRATIONS: workflows.forget_registration_drafts,
    PurgeRule.AFFILIATIONS: workflows.forget_drafts,
    PurgeRule.INVITATIONS: workflows.forget_unanswered,
    PurgeRule.LETTERS: mail.forget_old,
    PurgeRule.SESSIONS: sessions.forget_ended,
    PurgeRule.INCIDENTS: incidents.forget_old,
    PurgeRule.ATTEMPTS: limits.purge,
}

_NO_END: Final = "no end set: no source gives one"


def _each(kept: Kept, labels: Iterable[str]) -> dict[str, Kept]:
    return dict.fromkeys(labels, kept)


TABLE: Final[dict[str, Kept]] = {
    **_each(
        Kept(DataClass.WAGE, _NO_END, "pensions and allowances are worked out from careers (dahir 1-72-184)"),
        (
            "affiliates.Employee", "affiliates.Employment", "affiliates.Absence", "affiliates.StateTakeover",
            "declarations.DeclarationLine", "declarations.LineReattachment", "declarations.Prefill",
            "declarations.ReceivedFile", "declarations.FileFinding", "declarations.DepositedFile",
            "disputes.Assessment", "certificates.Certificate",
        ),
    ),
    **_each(
        Kept(DataClass.WAGE, _NO_END, "what was sent, byte for byte, is the proof of what was received"),
        ("portal.StoredFile", "portal.StoredChunk"),
    ),
    **_each(
        Kept(DataClass.WAGE, _NO_END, "what a bank said is the proof of an entry; the account is the payer’s"),
        (
            "payments.BankFile", "payments.BankLine", "payments.ClerkAct", "payments.DebitOrder",
            "payments.DebitEvent", "payments.DebitRun", "payments.ApiAnswer", "affiliates.DebitAuthority",
        ),
    ),
    **_each(
        Kept(DataClass.FIRM, _NO_END, "accounts only grow: every centime must stay explained"),
        (
            "payments.LedgerAccount", "payments.LedgerEntry", "payments.LedgerLine", "payments.PaymentSlip",
            "payments.SlipLine", "payments.Surcharge", "payments.FilingPenalty", "payments.Hold",
            "payments.SurchargeExemption", "payments.Allocation", "payments.GraceRequest",
            "payments.GraceInstalment", "payments.GraceDue", "payments.DebitShare", "payments.Basket",
        ),
    ),
    **_each(
        Kept(DataClass.FIRM, _NO_END, "what an employer declared, and what it was answered"),
        (
            "affiliates.Affiliate", "affiliates.AffiliateStatus", "declarations.Declaration",
            "declarations.Deposit", "declarations.Receipt", "declarations.ContributionLine",
            "declarations.CorrectionStop", "disputes.RiskFact", "disputes.DisputedItem",
            "certificates.ShareLink", "certificates.ShareOpening",
        ),
    ),
    **_each(
        Kept(DataClass.PERSON, _NO_END, "what was asked, answered and decided must stay known to both sides"),
        (
            "disputes.Dispute", "disputes.Message", "disputes.Attachment", "disputes.Meeting",
            "disputes.Escalation", "disputes.DisputeStep", "disputes.Decision", "disputes.Mission",
            "disputes.MissionMember", "disputes.MissionStep", "disputes.StepReply", "disputes.ReplyPiece",
            "affiliates.AffiliationStep", "affiliates.AffiliationPiece", "affiliates.RegistrationStep",
            "affiliates.RegistrationPiece", "affiliates.MandateRequest", "affiliates.RectificationStep",
            "affiliates.RectificationPiece",
        ),
    ),
    **_each(
        Kept(DataClass.PERSON, "the account; then its name stays with its acts", "who did what must stay known"),
        (
            "affiliates.Membership", "affiliates.Mandate", "affiliates.Representative",
            "affiliates.StaffAssignment", "affiliates.AccountRecovery", "affiliates.PostReview",
            "portal.AddressChange",
            "payments.BankMembership", "disputes.Inspector", "certificates.UsageAlarm",
        ),
    ),
    # Its password is a digest of Django's.
    "portal.User": Kept(
        DataClass.SECRET, "the account; then its name stays with its acts", "who did what must stay known"
    ),
    "portal.AuditEntry": Kept(DataClass.PERSON, _NO_END, "the proof of acts; one row less would break the chain"),
    "affiliates.AffiliationRequest": Kept(
        DataClass.PERSON, "thirty days when never confirmed; then as the firm",
        "nobody proved the address: nothing allows keeping what was typed", PurgeRule.AFFILIATIONS,
    ),
    "affiliates.RegistrationRequest": Kept(
        DataClass.WAGE, "ninety days as a draft; once sent, as the career",
        "what nobody sent was never asked of the fund", PurgeRule.REGISTRATIONS,
    ),
    "affiliates.RectificationRequest": Kept(
        DataClass.WAGE, _NO_END, "what was corrected, on which proof, and what stood there before"
    ),
    "affiliates.AccountRecovery": Kept(
        DataClass.PERSON, _NO_END, "who let whom back into an account, against which document"
    ),
    "affiliates.PostReview": Kept(DataClass.PERSON, _NO_END, "who looked at which right of staff, and what they said"),
    "portal.AddressChange": Kept(
        DataClass.PERSON, "one a person, until it is confirmed or asked again", "the address that waits for its proof"
    ),
    "affiliates.Invitation": Kept(
        DataClass.PERSON, "ninety days after it closed unanswered; once accepted, as the right it gave",
        "whoever never answered asked for nothing", PurgeRule.INVITATIONS,
    ),
    "portal.Mail": Kept(
        DataClass.PERSON, "its text ninety days, the address of who has no account too; its line stays",
        "the text answers « what were we told »; the line, that no letter leaves twice", PurgeRule.LETTERS,
    ),
    "portal.OpenSession": Kept(
        DataClass.SECRET, "twelve hours, or thirty minutes without a page", "a browser that is signed in",
        PurgeRule.SESSIONS,
    ),
    "portal.Incident": Kept(
        DataClass.NOBODY, "ninety days", "places of the program, never a value", PurgeRule.INCIDENTS
    ),
    "portal.Attempt": Kept(
        DataClass.NOBODY, "a day", "keyed digests that slow down who guesses", PurgeRule.ATTEMPTS
    ),
    "affiliates.DataCopy": Kept(
        DataClass.PERSON, "its file a day (damancom.tasks.sweep_copies); its line stays",
        "the file is somebody’s whole life here; that it was asked for and fetched must stay known",
    ),
    # The list itself can be drawn again from its certificate; its parts are erased an hour after they are ready.
    "certificates.Printing": Kept(DataClass.NOBODY, "its certificate", "how far a drawing has come"),
    "certificates.PrintedPart": Kept(
        DataClass.SECRET, "an hour (certificates.tasks.sweep_papers)", "sealed pages that wait for their reader"
    ),
    "certificates.ReceiptArchive": Kept(
        DataClass.PERSON, "its line stays", "that an office took the receipts of its clients must stay known"
    ),
    "certificates.ArchivedReceipt": Kept(
        DataClass.SECRET, "its PDF a day (certificates.tasks.sweep_receipts); its line stays",
        "sealed pages that wait for their reader; the receipt itself can be drawn again",
    ),
    "payments.BankKey": Kept(DataClass.SECRET, "its revocation; then its acts", "a digest only"),
    "mfa.Authenticator": Kept(DataClass.SECRET, "the account", "sealed secrets and public keys"),
    # The fund's own accounts.
    "payments.BankAccount": Kept(DataClass.WAGE, "its bank", "where money is received; of nobody, but an account"),
    **_each(
        Kept(DataClass.NOBODY, "its use", "names nobody"),
        (
            "affiliates.Agency", "affiliates.NumberCounter", "declarations.Outage", "disputes.AnswerTemplate",
            "payments.Bank", "payments.BankProfile", "portal.AuditSeal", "portal.Purge", "auth.Permission",
            "auth.Group", "contenttypes.ContentType",
        ),
    ),
    # Brought along by packages and left empty: no page of ours writes them.
    **_each(
        Kept(DataClass.SECRET, "never written", "sessions, traces and addresses are in tables of ours"),
        ("sessions.Session", "admin.LogEntry", "account.EmailAddress", "account.EmailConfirmation"),
    ),
}  # fmt: skip

#: What a field of that name tells, wherever it stands.
TELLING: Final[dict[str, DataClass]] = {
    **dict.fromkeys(
        (
            "email", "full_name", "first_name", "last_name", "contact_name", "phone", "birth_place",
            "born_on", "actor_name", "sex", "nationality", "holder", "text", "present",
        ),
        DataClass.PERSON,
    ),
    **dict.fromkeys(
        (
            "cin", "card_number", "rib", "payer_rib", "payer_name", "gross_wage", "declared_wage",
            "established_wage", "children", "data",
        ),
        DataClass.WAGE,
    ),
    **dict.fromkeys(("session_data", "password", "sealed"), DataClass.SECRET),
}  # fmt: skip
#: Fields of such a name that tell nothing of a person.
TELLS_NOTHING: Final = {
    "payments.BankProfile.data",  # how a bank writes its files
    "disputes.AnswerTemplate.text",  # sentences for any firm
}

_ORDER: Final = list(DataClass)


def is_classed_enough(label: str, field: str) -> bool:
    """Whether the class of a table is at least what its field tells."""
    told = TELLING.get(field)
    if told is None or f"{label}.{field}" in TELLS_NOTHING:
        return True
    return _ORDER.index(TABLE[label].data) >= _ORDER.index(told)
