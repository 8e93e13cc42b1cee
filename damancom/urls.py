"""Addresses: the portal, the staff desk, the programming interface."""

from django.contrib import admin
from django.urls import include, path

from damancom import home

handler400 = "portal.views.bad_request"
handler403 = "portal.views.forbidden"
handler404 = "portal.views.missing"
handler500 = "portal.views.failed"

urlpatterns = [
    path("", home.home, name="home"),
    path("", include("portal.urls")),
    path("", include("affiliates.urls")),
    path("", include("declarations.urls")),
    path("", include("payments.urls")),
    path("", include("disputes.urls")),
    path("", include("certificates.urls")),
    path("administration/", admin.site.urls),
]
