"""Addresses: the portal, the staff desk, the programming interface."""

from django.contrib import admin
from django.urls import include, path

from affiliates.urls import urlpatterns as register_pages
from damancom import affiliate_pages, home, metrics

handler400 = "portal.views.bad_request"
handler403 = "portal.views.forbidden"
handler404 = "portal.views.missing"
handler500 = "portal.views.failed"

# The pages of an affiliate that gather what every room knows keep the register's name in addresses.
affiliate_home = [
    path("affilies/", affiliate_pages.choose, name="choose"),
    path("affilies/<str:affiliation_number>/", affiliate_pages.home, name="home"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("", include("portal.urls")),
    path("", include(([*affiliate_home, *register_pages], "affiliates"))),
    path("", include("declarations.urls")),
    path("", include("payments.urls")),
    path("", include("disputes.urls")),
    path("", include("certificates.urls")),
    path("administration/", admin.site.urls),
    path("metrics", metrics.page, name="metrics"),
]
