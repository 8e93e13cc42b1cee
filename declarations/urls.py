from django.urls import URLPattern, URLResolver, path

from declarations import repair_views, views

app_name = "declarations"

_ROOM = "affilies/<str:affiliation_number>/declarations/"
_MONTH = f"{_ROOM}periode/<str:period>/"
_FILE = f"{_ROOM}fichiers/<int:pk>/"
_DECLARATION = f"{_ROOM}<int:pk>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(_ROOM, views.month_list, name="list"),
    path(_MONTH, views.month_page, name="month"),
    path(f"{_MONTH}preetabli/", views.prefill, name="prefill"),
    path(f"{_MONTH}preetabli/etablir/", views.issue_prefill, name="issue_prefill"),
    path(f"{_MONTH}deposer/", views.upload, name="upload"),
    path(f"{_MONTH}saisir/", views.form_start, name="form_start"),
    path(_FILE, views.file_page, name="file"),
    path(f"{_FILE}avancement/", views.progress, name="progress"),
    path(f"{_FILE}reparer/", repair_views.repair, name="repair"),
    path(f"{_FILE}original/", views.original, name="original"),
    path(_DECLARATION, views.declaration_page, name="declaration"),
    path(f"{_DECLARATION}recepisse.json", views.receipt_json, name="receipt_json"),
    path(f"{_DECLARATION}lignes/", views.lines, name="lines"),
    path(f"{_DECLARATION}saisie/", views.form_page, name="form"),
    path(f"{_DECLARATION}saisie/coller/", views.form_paste, name="form_paste"),
    path(f"{_DECLARATION}saisie/entrant/", views.form_add, name="form_add"),
    path(f"{_DECLARATION}saisie/retirer/<int:line>/", views.form_remove, name="form_remove"),
    path(f"{_DECLARATION}saisie/sans-travail/", views.form_no_work, name="form_no_work"),
    path(f"{_DECLARATION}deposer/", views.submit, name="submit"),
    path(f"{_DECLARATION}abandonner/", views.cancel, name="cancel"),
]
