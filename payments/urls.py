from django.urls import URLPattern, URLResolver, path

from payments import (
    authority_pages,
    bank_pages,
    code_pages,
    credit_pages,
    debit_pages,
    grace_pages,
    views,
)
from payments.api import debit_runs
from payments.api import files as api

app_name = "payments"

_ROOM = "affilies/<str:affiliation_number>/paiements/"
_FILE = "banque/fichiers/<str:receipt_number>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(_ROOM, views.account, name="account"),
    path(f"{_ROOM}mois/<str:kind>/", views.export_months, name="export_months"),
    path(f"{_ROOM}mouvements/", views.movements, name="movements"),
    path(f"{_ROOM}mouvements/<str:kind>/", views.export_movements, name="export_movements"),
    path(f"{_ROOM}bordereaux/", views.slip_list, name="slips"),
    path(f"{_ROOM}bordereaux/<int:pk>/", views.slip_page, name="slip"),
    path(f"{_ROOM}bordereaux/<int:pk>/credit/", views.use_credit, name="use_credit"),
    path(f"{_ROOM}credit/", credit_pages.credit, name="credit"),
    path(f"{_ROOM}credit/remboursement/", credit_pages.ask_refund, name="ask_refund"),
    path(
        f"{_ROOM}credit/remboursement/<int:pk>/retirer/",
        credit_pages.withdraw_refund,
        name="withdraw_refund",
    ),
    path(f"{_ROOM}facilites/", grace_pages.graces, name="graces"),
    path(f"{_ROOM}facilites/demander/", grace_pages.ask, name="ask_grace"),
    path(f"{_ROOM}facilites/<int:pk>/", grace_pages.grace_page, name="grace"),
    path(f"{_ROOM}facilites/<int:pk>/retirer/", grace_pages.withdraw, name="withdraw_grace"),
    path(f"{_ROOM}payer/", debit_pages.pay, name="pay"),
    path(f"{_ROOM}payer/prelevement/", debit_pages.pay_by_debit, name="pay_by_debit"),
    path(f"{_ROOM}payer/code/", debit_pages.pay_by_code, name="pay_by_code"),
    path(f"{_ROOM}payer/code/<str:code>/", code_pages.code_page, name="code"),
    path(f"{_ROOM}ordres/", debit_pages.order_list, name="orders"),
    path(f"{_ROOM}ordres/<str:reference>/", debit_pages.order_page, name="order"),
    path(f"{_ROOM}ordres/<str:reference>/signer/", debit_pages.sign_order, name="sign_order"),
    path(f"{_ROOM}ordres/<str:reference>/annuler/", debit_pages.stop_order, name="stop_order"),
    path(f"{_ROOM}mandats/", authority_pages.authorities, name="authorities"),
    path(f"{_ROOM}mandats/<int:pk>/signer/", authority_pages.sign_authority, name="sign_authority"),
    path(
        f"{_ROOM}mandats/<int:pk>/revoquer/",
        authority_pages.revoke_authority,
        name="revoke_authority",
    ),
    path(f"{_ROOM}recus/", views.receipts, name="receipts"),
    path("banque/", bank_pages.home, name="bank_home"),
    path("banque/prelevements/", authority_pages.bank_debits, name="bank_debits"),
    path("banque/mandats/<int:pk>/confirmer/", authority_pages.bank_confirm, name="bank_confirm"),
    path("banque/mandats/<int:pk>/refuser/", authority_pages.bank_refuse, name="bank_refuse"),
    path(
        "banque/remises/<str:message_id>/prendre/",
        authority_pages.bank_take_run,
        name="bank_take_run",
    ),
    path(
        "banque/remises/<str:message_id>/fichier/",
        authority_pages.bank_run_file,
        name="bank_run_file",
    ),
    path("banque/systeme/", bank_pages.machines, name="bank_machines"),
    path(_FILE, bank_pages.bank_file, name="bank_file"),
    path(f"{_FILE}avancement/", bank_pages.progress, name="bank_progress"),
    path(f"{_FILE}retour/", bank_pages.return_file, name="bank_return_file"),
    path("api/v1/openapi.json", api.Description.as_view(), name="api_description"),
    path("api/v1/bank-files/", api.BankFiles.as_view(), name="api_bank_files"),
    path(
        "api/v1/bank-files/<str:receipt_number>/", api.BankFileOne.as_view(), name="api_bank_file"
    ),
    path(
        "api/v1/bank-files/<str:receipt_number>/return-file/",
        api.BankFileReturn.as_view(),
        name="api_return_file",
    ),
    path("api/v1/debit-runs/", debit_runs.DebitRuns.as_view(), name="api_debit_runs"),
    path(
        "api/v1/debit-runs/<str:message_id>/file/",
        debit_runs.DebitRunFile.as_view(),
        name="api_debit_run_file",
    ),
    path(
        "api/v1/debit-runs/<str:message_id>/taken/",
        debit_runs.DebitRunTaken.as_view(),
        name="api_debit_run_taken",
    ),
]
