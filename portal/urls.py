from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language

from portal import (
    address_pages,
    fresh,
    law_pages,
    new_browser,
    preferences,
    searches,
    second_step,
    security_pages,
    views,
)

app_name = "portal"

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "langue/",
        login_not_required(require_http_methods(["GET", "HEAD", "POST"])(set_language)),
        name="language",
    ),
    path("connexion/", views.SignIn.as_view(), name="login"),
    path("connexion/second-facteur/", second_step.second_factor, name="second_factor"),
    path("connexion/cle/", second_step.passkey, name="passkey"),
    path("connexion/appareil/<str:token>/", new_browser.take, name="new_browser"),
    path("connexion/confirmer/", fresh.confirm, name="confirm"),
    path("ma-securite/", security_pages.security, name="security"),
    path("ma-securite/application/", security_pages.add_application, name="add_application"),
    path("ma-securite/cle/", security_pages.add_passkey, name="add_passkey"),
    path("ma-securite/<int:pk>/retirer/", security_pages.remove_factor, name="remove_factor"),
    path("ma-securite/codes/", security_pages.renew_recovery_codes, name="renew_recovery_codes"),
    path(
        "ma-securite/appareils/fermer/",
        security_pages.close_other_sessions,
        name="close_other_sessions",
    ),
    path(
        "ma-securite/appareils/<str:mark>/fermer/",
        security_pages.close_session,
        name="close_session",
    ),
    path("ma-securite/adresse/", address_pages.change_address, name="change_address"),
    path("ma-securite/adresse/<str:token>/", address_pages.confirm_address, name="confirm_address"),
    path("deconnexion/", views.SignOut.as_view(), name="logout"),
    path("mot-de-passe/", views.change_password, name="password"),
    path("recherche/", searches.search, name="search"),
    path("mes-preferences/", preferences.show, name="preferences"),
    path("courriels/arreter/<str:token>/", preferences.stop_reminders, name="stop_reminders"),
    path("healthz", views.healthz, name="healthz"),
    path("la-regle/", law_pages.rule, name="rule"),
    path("la-regle/<str:name>/", law_pages.rule_series, name="rule_series"),
    path("simulateur/", law_pages.simulator, name="simulator"),
]
