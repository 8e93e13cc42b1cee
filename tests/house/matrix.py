"""Who may open which address: the one table that the matrix of doors holds the portal to.

A line is: the name of the address, whose door it is, the methods that it answers. Whatever another address than one's
own answers is not in the table: it does not exist, for anybody. The desk of the fund has a table of its own below, a
line a screen.
"""

from dataclasses import dataclass
from typing import Final

#: The people around a firm, and what each may do there. Reading goes with whatever else one may do.
INSIDE: Final = {
    "owner": {"read", "declare", "pay", "certificates", "disputes", "manage"},
    "declarant": {"read", "declare", "certificates", "disputes"},
    "payer": {"read", "pay", "certificates"},
    "reader": {"read"},
    "office that declares": {"read", "declare"},
    "office that pays": {"read", "pay"},
    "office of certificates": {"read", "certificates"},
    "office of disputes": {"read", "disputes"},
}
#: Offices of accountants, whose people have pages of their own.
OFFICES: Final = tuple(name for name in INSIDE if name.startswith("office"))
#: The posts of the fund, by the letter that the table of the desk gives them; and somebody of the staff without any.
POSTS: Final = {
    "C": "clerk", "S": "supervisor", "I": "inspector", "T": "treasurer", "A": "auditor", "D": "admin",
}  # fmt: skip
STAFF: Final = (*POSTS.values(), "without a post")
#: The same posts at another agency: the desk has rows of one agency, and these come from elsewhere.
ELSEWHERE: Final = {f"{post} elsewhere": post for post in POSTS.values()}
#: Posts that see the firms of their agency; the others see those of all.
OF_AN_AGENCY: Final = ("clerk", "inspector")
#: Those for whom the pages of the firm do not exist.
OUTSIDE: Final = ("bank", "stranger", *STAFF)
PEOPLE: Final = (*INSIDE, *OUTSIDE)
#: With those who show no face: a visitor, and the machine of a bank.
EVERYBODY: Final = (*PEOPLE, "visitor", "machine")

#: Doors that are not a right in a firm.
#: everyone: no sign-in. link: no sign-in, who holds the link. person: whoever is signed in, their own things.
#: threshold: the pages between the two proofs; whoever has shown neither is led back to the door.
#: filers: whoever acts for a firm, even of another agency. member: whoever acts for one of these firms.
#: office, bank, machine: theirs. nobody: closed to all.
PORTAL: Final = """
home                                  everyone      GET
portal:language                       everyone      GET POST
portal:login                          everyone      GET POST
portal:second_factor                  threshold     GET POST
portal:passkey                        threshold     GET POST
portal:new_browser                    link          GET POST
portal:healthz                        everyone      GET
portal:rule                           everyone      GET
portal:rule_series                    everyone      GET
portal:simulator                      everyone      GET
portal:stop_reminders                 link          GET POST
portal:confirm                        person        GET POST
portal:security                       person        GET
portal:add_application                person        GET POST
portal:add_passkey                    person        GET POST
portal:remove_factor                  person        POST
portal:renew_recovery_codes           person        POST
portal:close_other_sessions           person        POST
portal:close_session                  person        POST
portal:change_address                 person        GET POST
portal:confirm_address                person        GET POST
portal:logout                         person        POST
portal:password                       person        GET POST
portal:preferences                    person        GET POST
portal:search                         person        POST
metrics                               nobody        GET

affiliates:choose                     person        GET
affiliates:home                       read          GET
affiliates:access                     read          GET
affiliates:openings                   manage        GET
affiliates:member                     manage        GET POST
affiliates:invite                     manage        POST
affiliates:withdraw_invitation        manage        POST
affiliates:grant_mandate              manage        GET POST
affiliates:revoke_mandate             manage        GET POST
affiliates:answer_mandate             manage        GET POST
affiliates:mandates                   office        GET
affiliates:ask_mandate                office        POST
affiliates:withdraw_mandate_request   office        POST
affiliates:give_back_mandate          office        GET POST
affiliates:invitation                 link          GET POST
affiliates:new_firm                   everyone      GET POST
affiliates:affiliation_begun          everyone      GET
affiliates:affiliation                link          GET POST
affiliates:correct_affiliation        link          GET POST
affiliates:data                       manage        GET
affiliates:ask_copy                   manage        POST
affiliates:copy                       manage        GET
affiliates:rectify_firm               manage        GET POST
affiliates:rectify_person             declare       GET POST
affiliates:rectification              declare       GET
affiliates:answer_rectification       declare       POST
affiliates:withdraw_rectification     declare       POST
affiliates:rectification_piece        declare       GET
copies:mine                           person        GET
copies:ask_mine                       person        POST
copies:copy                           person        GET

affiliates:lost_access                everyone      GET
affiliates:recover                    link          GET POST
affiliates:stop_recovery              link          GET POST
affiliates:employees                  read          GET
affiliates:employee                   read          GET
affiliates:leave                      declare       POST
affiliates:absence                    declare       POST
affiliates:cancel_absence             declare       POST
affiliates:registrations              read          GET
affiliates:new_registration           declare       GET POST
affiliates:many_hires                 declare       GET POST
affiliates:join_copies                declare       GET POST
affiliates:hire_template              declare       GET
affiliates:registration               read          GET
affiliates:edit_registration          declare       GET POST
affiliates:answer_registration        declare       POST
affiliates:withdraw_registration      declare       POST
affiliates:registration_piece         declare       GET

clients:submit                        filers        POST
clients:pay                           filers        POST
clients:send                          filers        GET POST
clients:deposit                       filers        GET
clients:receipts                      filers        GET POST
clients:archive                       filers        GET
clients:fetch                         member        GET

declarations:validator                everyone      GET POST
declarations:list                     read          GET
declarations:month                    read          GET
declarations:prefill                  read          GET
declarations:issue_prefill            declare       POST
declarations:sheet                    read          GET
declarations:issue_sheet              declare       POST
declarations:upload                   declare       GET POST
declarations:form_start               declare       GET POST
declarations:file                     read          GET
declarations:progress                 read          GET
declarations:repair                   declare       GET POST
declarations:original                 read          GET
declarations:declaration              read          GET
declarations:correct                  read          GET
declarations:correct_form             declare       POST
declarations:correct_sheet            read          GET
declarations:correct_file             declare       POST
declarations:history                  read          GET
declarations:receipt_json             read          GET
declarations:receipt_chain            read          GET
declarations:filed_file               read          GET
declarations:lines                    read          GET
declarations:form                     declare       GET POST
declarations:form_paste               declare       POST
declarations:form_add                 declare       GET POST
declarations:form_remove              declare       POST
declarations:form_no_work             declare       POST
declarations:submit                   declare       POST
declarations:cancel                   declare       POST

payments:account                      read          GET
payments:export_months                read          GET
payments:movements                    read          GET
payments:export_movements             read          GET
payments:slips                        read          GET
payments:slip                         read          GET
payments:use_credit                   pay           POST
payments:credit                       read          GET
payments:ask_refund                   pay           POST
payments:withdraw_refund              pay           POST
payments:graces                       read          GET
payments:ask_grace                    pay           GET POST
payments:grace                        read          GET
payments:withdraw_grace               pay           POST
payments:pay                          read          GET
payments:pay_by_debit                 pay           GET POST
payments:pay_by_code                  pay           POST
payments:code                         read          GET
payments:orders                       read          GET
payments:order                        read          GET
payments:sign_order                   pay           POST
payments:stop_order                   pay           POST
payments:authorities                  read          GET POST
payments:sign_authority               manage        POST
payments:revoke_authority             pay           POST
payments:receipts                     read          GET
payments:bank_home                    bank          GET POST
payments:bank_debits                  bank          GET
payments:bank_confirm                 bank          POST
payments:bank_refuse                  bank          POST
payments:bank_take_run                bank          POST
payments:bank_run_file                bank          GET
payments:bank_machines                bank          GET
payments:bank_file                    bank          GET
payments:bank_progress                bank          GET
payments:bank_return_file             bank          GET
payments:api_description              everyone      GET
payments:api_bank_files               machine       GET POST
payments:api_bank_file                machine       GET
payments:api_return_file              machine       GET
payments:api_debit_runs               machine       GET
payments:api_debit_run_file           machine       GET
payments:api_debit_run_taken          machine       POST

disputes:list                         read          GET
disputes:open                         disputes      GET POST
disputes:detail                       read          GET
disputes:reply                        disputes      POST
disputes:appeal                       disputes      POST
disputes:withdraw                     disputes      POST
disputes:piece                        read          GET
disputes:missions                     read          GET
disputes:mission                      read          GET
disputes:reply_to_step                disputes      POST
disputes:mission_piece                read          GET
disputes:figures                      everyone      GET
disputes:check_mission                everyone      GET

certificates:list                     read          GET
certificates:request                  certificates  POST
certificates:certificate              read          GET
certificates:ask                      read          GET POST
certificates:certificate_pdf          read          GET
certificates:share                    certificates  POST
certificates:withdraw_share           certificates  POST
certificates:prepare_paper            read          POST
certificates:paper_progress           read          GET
certificates:shared                   link          GET
certificates:shared_prepare           link          POST
certificates:shared_progress          link          GET
certificates:shared_pdf               link          GET
certificates:slip_pdf                 read          GET
certificates:filing_receipt_pdf       read          GET
certificates:payment_receipt_pdf      read          GET
certificates:decision_pdf             read          GET
certificates:verify                   everyone      GET
certificates:compare                  everyone      GET POST
certificates:verification             link          GET
certificates:check_receipt            link          GET
"""


#: The desk of the fund. A line is a screen, the letters of the posts that act there, of those that only read, whose
#: rows it shows, and the addresses of the screen, each with the methods that it answers (G: GET, P: POST).
#: firm: rows of firms, for some posts those of their agency alone. agency: of one's own agency, whatever the post.
#: all: rows of no firm, or of every firm. asked: what oneself asked for. Whoever is sent on a mission sees it anyway.
#: Whoever only reads is refused a POST. Django's own pages to add, to delete and of history are closed to everybody.
DESK: Final = """
affiliates_accountrecovery       CS  A     agency  changelist:G change:G open:GP approve:P refuse:P
affiliates_affiliate             CS  ITA   firm    changelist:GP change:GP
affiliates_affiliationrequest    CS  A     firm    changelist:G change:G ask:P refuse:P grant:P piece:G
affiliates_datacopy              CS  A     firm    changelist:G ask:GP
affiliates_datacopy              CS  A     asked   download:G
affiliates_debitauthority        ST  CA    firm    changelist:GP change:G
affiliates_employee              CS  IA    firm    changelist:GP change:GP
affiliates_employment            CS  IA    firm    changelist:GP change:GP
affiliates_mandate               CS  A     firm    changelist:GP change:G
affiliates_rectificationrequest  CS  A     firm    changelist:G change:G ask:P refuse:P grant:P piece:G
affiliates_registrationrequest   CS  A     firm    changelist:G change:G ask:P refuse:P grant:P piece:G
affiliates_representative        CS  A     all     changelist:GP change:G
affiliates_staffassignment       SD  A     all     changelist:G change:GP
affiliates_statetakeover         CS  A     firm    changelist:GP change:G
certificates_certificate         CS  A     firm    changelist:GP change:G issue:GP pdf:G prepare:P decision:G
certificates_usagealarm          S   A     all     changelist:G change:GP
declarations_correctionstop      CS  IA    firm    changelist:GP change:G
declarations_declaration         CS  IA    firm    changelist:GP change:G
declarations_filefinding         CS  A     firm    changelist:GP change:G
declarations_outage              CS  DA    all     changelist:GP change:G
declarations_prefill             CS  A     firm    changelist:GP change:G
declarations_receivedfile        CS  A     firm    changelist:GP change:G
disputes_answertemplate          CS  A     all     changelist:G write:P withdraw:P
disputes_dispute                 CS  A     firm    changelist:G triage:P change:G employer:G assign:P meet:P take:P
disputes_dispute                 CS  A     firm    give_back:P write:P ask:P decide:P piece:G
disputes_inspector               S   CIA   all     changelist:GP change:G
disputes_mission                 CSI A     firm    changelist:G change:G sign:P cancel:P step:P piece:G
disputes_mission                 CSI A     firm    countersign:P propose:P approve:P drop:P
disputes_mission                 S   -     all     order:GP
disputes_riskfact                SI  CA    firm    changelist:G
payments_bankfile                ST  A     all     changelist:GP change:G parked:G decide:P
payments_bankkey                 S   A     all     changelist:G issue:P revoke:P
payments_bankline                ST  A     all     changelist:GP change:G waiting:G doubles:G assign:P reverse:GP
payments_bankprofile             S   TA    all     changelist:GP change:G decide:P
payments_clerkact                ST  A     all     changelist:G change:G write_off:GP decide:P
payments_debitorder              ST  CA    firm    changelist:GP change:G
payments_debitrun                ST  A     all     changelist:G change:G prepare:P release:P resume:P
payments_filingpenalty           ST  CA    firm    changelist:GP change:G
payments_gracerequest            ST  CA    firm    changelist:G change:G decide:P
payments_ledgerentry             ST  A     all     changelist:GP change:G
payments_paymentslip             ST  CIA   firm    changelist:GP change:G
payments_surcharge               ST  CA    firm    changelist:GP change:G
payments_surchargeexemption      ST  CA    firm    changelist:GP change:G
payments_collection              -   STA   all     :G export:G
portal_auditentry                -   A     all     changelist:GP change:G
portal_incident                  -   CSDA  all     changelist:GP change:G
portal_mail                      -   CSDA  all     changelist:GP change:G
portal_purge                     -   DA    all     changelist:GP change:G
portal_user                      -   CSDA  all     changelist:GP change:G
"""
#: Addresses of the frame of the desk: whoever has a post, or is of the staff at all.
FRAME: Final = """
admin:index                 staff   GET
admin:login                 door    GET POST
admin:logout                leaves  POST
admin:password_change       staff   GET POST
admin:password_change_done  nobody
admin:jsi18n                staff   GET
admin:autocomplete          nobody
admin:view_on_site          nobody
admin:app_list              post    GET
admin:show                  shown   POST
"""


@dataclass(frozen=True)
class Screen:
    """One address of the desk: who acts, who reads, whose rows, by which methods."""

    name: str
    acts: frozenset[str]
    reads: frozenset[str]
    reach: str
    methods: frozenset[str]


def screens(table: str) -> dict[str, Screen]:
    """The table of the desk by the names of addresses."""
    found: dict[str, Screen] = {}
    for line in table.strip().splitlines():
        screen, acts, reads, reach, *addresses = line.split()
        for address in addresses:
            name, _, letters = address.partition(":")
            methods = {{"G": "GET", "P": "POST"}[letter] for letter in letters}
            full = f"admin:{screen}" + (f"_{name}" if name else "")
            assert full not in found, full
            found[full] = Screen(
                full,
                frozenset(POSTS[letter] for letter in acts if letter != "-"),
                frozenset(POSTS[letter] for letter in reads if letter != "-"),
                reach,
                frozenset(methods),
            )
    return found


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    door: str
    methods: frozenset[str]


def rows(table: str) -> dict[str, Row]:
    """The table by name; a name stands once."""
    found: dict[str, Row] = {}
    for line in table.strip().splitlines():
        if not line.strip():
            continue
        name, door, *methods = line.split()
        assert name not in found, name
        found[name] = Row(name, door, frozenset(methods))
    return found


def opens_for(row: Row, who: str) -> str:
    """What the door of one's own does for ``who``: opens, or how it stays closed."""
    if row.door in ("everyone", "link"):
        return "opens"
    if row.door == "machine":
        return "opens" if who == "machine" else "asks for a key"
    if row.door == "nobody":
        return "missing"
    if who in ("visitor", "machine"):
        return "asks to sign in"
    if row.door in ("person", "threshold"):
        return "opens"
    if row.door in ("filers", "member"):
        return "opens" if who in INSIDE or (row.door, who) == ("filers", "stranger") else "missing"
    if row.door == "office":
        return "opens" if who in OFFICES else "missing"
    if row.door == "bank":
        return "opens" if who == "bank" else "missing"
    if who in INSIDE:
        return "opens" if row.door in INSIDE[who] else "refused"
    return "missing"
