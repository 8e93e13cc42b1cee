from django.urls import URLPattern, URLResolver, path

from declarations.views import (
    corrections,
    declarations,
    files,
    form,
    months,
    repairs,
    validator,
)

app_name = "declarations"

_ROOM = "affilies/<str:affiliation_number>/declarations/"
_MONTH = f"{_ROOM}periode/<str:period>/"
_FILE = f"{_ROOM}fichiers/<int:pk>/"
_DECLARATION = f"{_ROOM}<int:pk>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("controler/", validator.validator, name="validator"),
    path(_ROOM, months.month_list, name="list"),
    path(_MONTH, months.month_page, name="month"),
    path(f"{_MONTH}preetabli/", months.prefill, name="prefill"),
    path(f"{_MONTH}preetabli/etablir/", months.issue_prefill, name="issue_prefill"),
    path(f"{_MONTH}tableur.<str:form>", months.sheet, name="sheet"),
    path(f"{_MONTH}tableur/<str:form>/etablir/", months.issue_sheet, name="issue_sheet"),
    path(f"{_MONTH}deposer/", months.upload, name="upload"),
    path(f"{_MONTH}saisir/", form.form_start, name="form_start"),
    path(_FILE, files.file_page, name="file"),
    path(f"{_FILE}avancement/", files.progress, name="progress"),
    path(f"{_FILE}reparer/", repairs.repair, name="repair"),
    path(f"{_FILE}original/", files.original, name="original"),
    path(_DECLARATION, declarations.declaration_page, name="declaration"),
    path(f"{_DECLARATION}corriger/", corrections.correct, name="correct"),
    path(f"{_DECLARATION}corriger/saisir/", corrections.open_form, name="correct_form"),
    path(f"{_DECLARATION}corriger/tableur.<str:form>", corrections.sheet, name="correct_sheet"),
    path(f"{_DECLARATION}corriger/fichier/", corrections.upload, name="correct_file"),
    path(f"{_DECLARATION}historique/", corrections.history, name="history"),
    path(f"{_DECLARATION}recepisse.json", declarations.receipt_json, name="receipt_json"),
    path(f"{_ROOM}recepisses.json", declarations.receipt_chain, name="receipt_chain"),
    path(f"{_DECLARATION}e-bds.txt", declarations.filed_file, name="filed_file"),
    path(f"{_DECLARATION}lignes/", declarations.lines, name="lines"),
    path(f"{_DECLARATION}saisie/", form.form_page, name="form"),
    path(f"{_DECLARATION}saisie/coller/", form.form_paste, name="form_paste"),
    path(f"{_DECLARATION}saisie/entrant/", form.form_add, name="form_add"),
    path(f"{_DECLARATION}saisie/retirer/<int:line>/", form.form_remove, name="form_remove"),
    path(f"{_DECLARATION}saisie/sans-travail/", form.form_no_work, name="form_no_work"),
    path(f"{_DECLARATION}deposer/", declarations.submit, name="submit"),
    path(f"{_DECLARATION}abandonner/", declarations.cancel, name="cancel"),
]
