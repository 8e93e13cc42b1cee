from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path
from django.views.i18n import set_language

from portal import law_pages, preferences, views

app_name = "portal"

urlpatterns: list[URLPattern | URLResolver] = [
    path("langue/", login_not_required(set_language), name="language"),
    path("connexion/", views.SignIn.as_view(), name="login"),
    path("deconnexion/", views.SignOut.as_view(), name="logout"),
    path("mot-de-passe/", views.change_password, name="password"),
    path("mes-preferences/", preferences.show, name="preferences"),
    path("courriels/arreter/<str:token>/", preferences.stop_reminders, name="stop_reminders"),
    path("healthz", views.healthz, name="healthz"),
    path("la-regle/", law_pages.rule, name="rule"),
    path("la-regle/<str:name>/", law_pages.rule_series, name="rule_series"),
    path("simulateur/", law_pages.simulator, name="simulator"),
]
