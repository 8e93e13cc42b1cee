from django.urls import path

from disputes.views import disputes as views
from disputes.views import figures, missions

app_name = "disputes"

_MISSIONS = "affilies/<str:affiliation_number>/controles/"
_ROOM = "affilies/<str:affiliation_number>/reclamations/"

urlpatterns = [
    path(_ROOM, views.dispute_list, name="list"),
    path(f"{_ROOM}nouvelle/", views.open_dispute, name="open"),
    path(f"{_ROOM}<str:number>/", views.detail, name="detail"),
    path(f"{_ROOM}<str:number>/ecrire/", views.reply, name="reply"),
    path(f"{_ROOM}<str:number>/faire-appel/", views.appeal, name="appeal"),
    path(f"{_ROOM}<str:number>/retirer/", views.withdraw, name="withdraw"),
    path(f"{_ROOM}<str:number>/pieces/<int:pk>/", views.piece, name="piece"),
    path(_MISSIONS, missions.mission_list, name="missions"),
    path(f"{_MISSIONS}<str:number>/", missions.mission_page, name="mission"),
    path(
        f"{_MISSIONS}<str:number>/actes/<int:pk>/repondre/",
        missions.reply_to_step,
        name="reply_to_step",
    ),
    path(f"{_MISSIONS}<str:number>/pieces/<int:pk>/", missions.reply_piece, name="mission_piece"),
    path("reclamations-en-chiffres/", figures.public_page, name="figures"),
    path("controle/", missions.check_mission, name="check_mission"),
]
