from django.urls import path

from disputes.views import disputes as views

app_name = "disputes"

_ROOM = "affilies/<str:affiliation_number>/reclamations/"

urlpatterns = [
    path(_ROOM, views.dispute_list, name="list"),
    path(f"{_ROOM}nouvelle/", views.open_dispute, name="open"),
    path(f"{_ROOM}<str:number>/", views.detail, name="detail"),
    path(f"{_ROOM}<str:number>/ecrire/", views.reply, name="reply"),
    path(f"{_ROOM}<str:number>/retirer/", views.withdraw, name="withdraw"),
    path(f"{_ROOM}<str:number>/pieces/<int:pk>/", views.piece, name="piece"),
]
