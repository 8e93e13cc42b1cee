from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path
from django.views.i18n import set_language

from portal import views

app_name = "portal"

urlpatterns: list[URLPattern | URLResolver] = [
    path("langue/", login_not_required(set_language), name="language"),
    path("connexion/", views.SignIn.as_view(), name="login"),
    path("deconnexion/", views.SignOut.as_view(), name="logout"),
    path("mot-de-passe/", views.change_password, name="password"),
    path("healthz", views.healthz, name="healthz"),
]
