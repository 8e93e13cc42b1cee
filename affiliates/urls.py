from django.urls import URLPattern, URLResolver, path

from affiliates.views import (
    access,
    affiliations,
    employees,
    hire_sheets,
    invitations,
    mandates,
    recoveries,
    rectifications,
    registrations,
)

app_name = "affiliates"

_ACCESS = "affilies/<str:affiliation_number>/acces/"
_STAFF = "affilies/<str:affiliation_number>/salaries/"
_EMPLOYEE = f"{_STAFF}<int:employment_id>/"
_DATA = "affilies/<str:affiliation_number>/donnees/"
_REQUESTS = f"{_STAFF}immatriculations/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(_ACCESS, access.access, name="access"),
    path(f"{_ACCESS}mandats/donner/", mandates.grant, name="grant_mandate"),
    path(f"{_ACCESS}mandats/<int:mandate_id>/retirer/", mandates.revoke, name="revoke_mandate"),
    path(f"{_ACCESS}demandes/<int:request_id>/", mandates.answer, name="answer_mandate"),
    path("mandats/", mandates.mandates, name="mandates"),
    path("mandats/demander/", mandates.ask, name="ask_mandate"),
    path(
        "mandats/demandes/<int:request_id>/retirer/",
        mandates.withdraw_request,
        name="withdraw_mandate_request",
    ),
    path("mandats/<int:mandate_id>/rendre/", mandates.give_back, name="give_back_mandate"),
    path(f"{_ACCESS}personnes/<int:membership_id>/", access.member, name="member"),
    path(f"{_ACCESS}consultations/", access.openings, name="openings"),
    path(f"{_ACCESS}inviter/", access.invite, name="invite"),
    path(
        f"{_ACCESS}invitations/<int:invitation_id>/retirer/",
        access.withdraw_invitation,
        name="withdraw_invitation",
    ),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
    path("connexion/perdue/", recoveries.lost_access, name="lost_access"),
    path("connexion/rouvrir/<str:token>/", recoveries.recover, name="recover"),
    path("connexion/arreter/<str:token>/", recoveries.stop_recovery, name="stop_recovery"),
    path("affiliation/", affiliations.new_firm, name="new_firm"),
    path("affiliation/envoyee/", affiliations.begun, name="affiliation_begun"),
    path("affiliation/suivi/<str:token>/", affiliations.follow, name="affiliation"),
    path(
        "affiliation/suivi/<str:token>/corriger/", affiliations.correct, name="correct_affiliation"
    ),
    path(_STAFF, employees.employee_list, name="employees"),
    path(_EMPLOYEE, employees.employee, name="employee"),
    path(f"{_EMPLOYEE}sortie/", employees.leave, name="leave"),
    path(f"{_EMPLOYEE}absence/", employees.absence, name="absence"),
    path(
        f"{_EMPLOYEE}absence/<int:absence_id>/annuler/",
        employees.cancel_absence,
        name="cancel_absence",
    ),
    path(f"{_EMPLOYEE}rectifier/", rectifications.of_a_person, name="rectify_person"),
    path(f"{_DATA}rectifier/", rectifications.of_the_firm, name="rectify_firm"),
    path(f"{_DATA}rectifications/<str:number>/", rectifications.detail, name="rectification"),
    path(
        f"{_DATA}rectifications/<str:number>/repondre/",
        rectifications.answer,
        name="answer_rectification",
    ),
    path(
        f"{_DATA}rectifications/<str:number>/retirer/",
        rectifications.withdraw,
        name="withdraw_rectification",
    ),
    path(
        f"{_DATA}rectifications/<str:number>/pieces/<int:piece_id>/",
        rectifications.piece,
        name="rectification_piece",
    ),
    path(_REQUESTS, registrations.request_list, name="registrations"),
    path(f"{_REQUESTS}nouvelle/", registrations.new_request, name="new_registration"),
    path(f"{_REQUESTS}tableur/", hire_sheets.many_hires, name="many_hires"),
    path(f"{_REQUESTS}tableur/pieces/", hire_sheets.join_copies, name="join_copies"),
    path(f"{_REQUESTS}tableur/modele.<str:form>", hire_sheets.template, name="hire_template"),
    path(f"{_REQUESTS}<str:number>/", registrations.detail, name="registration"),
    path(
        f"{_REQUESTS}<str:number>/modifier/", registrations.edit_request, name="edit_registration"
    ),
    path(f"{_REQUESTS}<str:number>/repondre/", registrations.answer, name="answer_registration"),
    path(f"{_REQUESTS}<str:number>/retirer/", registrations.withdraw, name="withdraw_registration"),
    path(
        f"{_REQUESTS}<str:number>/pieces/<int:piece_id>/",
        registrations.piece,
        name="registration_piece",
    ),
]
