"""Addresses: the portal, the staff desk, the programming interface."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.urls")),
    path("", include("affiliates.urls")),
    path("", include("declarations.urls")),
    path("", include("payments.urls")),
    path("", include("disputes.urls")),
    path("", include("certificates.urls")),
    path("administration/", admin.site.urls),
]
