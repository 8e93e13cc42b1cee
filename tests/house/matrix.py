"""Who may open which address: the one table that the matrix of doors holds the portal to.

A line is: the name of the address, whose door it is, the methods that it answers. A name of the desk without a screen
(« admin:payments_slip ») stands for the list, the card, and Django's own pages of that model. Whatever another address
than one's own answers is not in the table: it does not exist, for anybody.
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
#: The members of the fund's staff.
STAFF: Final = ("clerk", "supervisor")
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


#: Doors to things that the demonstration has none of: that they open is shown by the tests of their room.
NOT_THERE: Final = {
    "affiliates:copy",
    "certificates:check_receipt",
    "certificates:decision_pdf",
    "affiliates:rectification",
    "affiliates:answer_rectification",
    "affiliates:withdraw_rectification",
    "affiliates:rectification_piece",
    "copies:copy",
}


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
