"""Addresses: the portal, the staff desk, the programming interface."""

from django.contrib import admin
from django.urls import include, path

from affiliates.urls import urlpatterns as register_pages
from damancom import (
    affiliate_pages,
    client_pages,
    copy_pages,
    deposit_pages,
    home,
    metrics,
    receipt_pages,
)

handler400 = "portal.views.bad_request"
handler403 = "portal.views.forbidden"
handler404 = "portal.views.missing"
handler500 = "portal.views.failed"

# The pages of an affiliate that gather what every room knows keep the register's name in addresses.
affiliate_home = [
    path("affilies/", client_pages.choose, name="choose"),
    path("affilies/<str:affiliation_number>/", affiliate_pages.home, name="home"),
    path("affilies/<str:affiliation_number>/donnees/", copy_pages.firm, name="data"),
    path(
        "affilies/<str:affiliation_number>/donnees/demander/", copy_pages.ask_firm, name="ask_copy"
    ),
    path(
        "affilies/<str:affiliation_number>/donnees/copies/<int:pk>/",
        copy_pages.firm_copy,
        name="copy",
    ),
]

# What is held on oneself.
copies = [
    path("mes-donnees/", copy_pages.mine, name="mine"),
    path("mes-donnees/demander/", copy_pages.ask_mine, name="ask_mine"),
    path("mes-donnees/copies/<int:pk>/", copy_pages.my_copy, name="copy"),
]

# What a person who acts for several firms does for many of them at once.
clients = [
    path("clients/deposer/", client_pages.submit, name="submit"),
    path("clients/payer/", client_pages.pay, name="pay"),
    path("clients/fichiers/", deposit_pages.send, name="send"),
    path("clients/fichiers/<int:pk>/", deposit_pages.deposit, name="deposit"),
    path("clients/recepisses/", receipt_pages.receipts, name="receipts"),
    path("clients/recepisses/<int:pk>/", receipt_pages.archive, name="archive"),
    path("clients/recepisses/<int:pk>/archive.zip", receipt_pages.fetch, name="fetch"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("", include("portal.urls")),
    path("", include(([*affiliate_home, *register_pages], "affiliates"))),
    path("", include((clients, "clients"))),
    path("", include((copies, "copies"))),
    path("", include("declarations.urls")),
    path("", include("payments.urls")),
    path("", include("disputes.urls")),
    path("", include("certificates.urls")),
    path("administration/", admin.site.urls),
    path("metrics", metrics.page, name="metrics"),
]
