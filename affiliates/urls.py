from django.urls import URLPattern, URLResolver, path

from affiliates import views

app_name = "affiliates"

urlpatterns: list[URLPattern | URLResolver] = [
    path("affilies/<str:affiliation_number>/acces/", views.access, name="access"),
    path(
        "affilies/<str:affiliation_number>/acces/mandats/<int:mandate_id>/retirer/",
        views.revoke_mandate,
        name="revoke_mandate",
    ),
]
