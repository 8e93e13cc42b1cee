from django.urls import URLPattern, URLResolver, path

from certificates import views

app_name = "certificates"

_AFFILIATE = "affilies/<str:affiliation_number>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{_AFFILIATE}attestations/", views.certificate_list, name="list"),
    path(f"{_AFFILIATE}attestations/demander/", views.request_certificate, name="request"),
    path(f"{_AFFILIATE}attestations/<str:number>/", views.certificate_page, name="certificate"),
    path(f"{_AFFILIATE}attestations/demander/<str:kind>/", views.ask, name="ask"),
    path(
        f"{_AFFILIATE}attestations/<str:number>/pdf/", views.certificate_pdf, name="certificate_pdf"
    ),
    path(f"{_AFFILIATE}attestations/<str:number>/partager/", views.share, name="share"),
    path(
        f"{_AFFILIATE}attestations/<str:number>/liens/<int:pk>/retirer/",
        views.withdraw_share,
        name="withdraw_share",
    ),
    path(
        f"{_AFFILIATE}attestations/<str:number>/preparer/",
        views.prepare_paper,
        name="prepare_paper",
    ),
    path(
        f"{_AFFILIATE}attestations/<str:number>/avancement/",
        views.paper_progress,
        name="paper_progress",
    ),
    path("partage/<str:token>/", views.shared, name="shared"),
    path("partage/<str:token>/preparer/", views.shared_prepare, name="shared_prepare"),
    path("partage/<str:token>/avancement/", views.shared_progress, name="shared_progress"),
    path("partage/<str:token>/pdf/", views.shared_pdf, name="shared_pdf"),
    path(f"{_AFFILIATE}bordereaux/<int:pk>/pdf/", views.slip_pdf, name="slip_pdf"),
    path(
        f"{_AFFILIATE}declarations/<int:pk>/recepisse.pdf",
        views.filing_receipt_pdf,
        name="filing_receipt_pdf",
    ),
    path(
        f"{_AFFILIATE}paiements/<int:pk>/quittance.pdf",
        views.payment_receipt_pdf,
        name="payment_receipt_pdf",
    ),
    path(
        f"{_AFFILIATE}reclamations/<str:number>/decision.pdf",
        views.decision_pdf,
        name="decision_pdf",
    ),
    path("verifier/", views.verify, name="verify"),
    path("verifier/comparer/", views.compare, name="compare"),
    path("verifier/<str:token>/", views.verification, name="verification"),
    path("verifier/recepisse/<str:number>/<str:mark>/", views.check_receipt, name="check_receipt"),
]
