"""The pages that say what went wrong: both languages, no person, no database."""

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.request_code import current_request_id

_WORDS = {
    400: (
        gettext_noop("La demande est mal formée"),
        gettext_noop(
            "Le navigateur a envoyé quelque chose d’illisible. Revenez en arrière et recommencez."
        ),
    ),
    403: (
        gettext_noop("Cette action n’est pas permise"),
        gettext_noop(
            "Revenez à la page précédente, rechargez-la et recommencez. Si cela continue, reconnectez-vous."
        ),
    ),
    404: (
        gettext_noop("Cette page n’existe pas"),
        gettext_noop(
            "L’adresse est fausse, ou ce qu’elle montrait ne vous est pas ouvert. Repartez de votre accueil."
        ),
    ),
    405: (
        gettext_noop("Cette adresse ne s’ouvre pas seule"),
        gettext_noop(
            "Elle sert à envoyer un formulaire, et n’a rien à montrer par elle-même. Rien n’a été changé : "
            "revenez à la page précédente, ou repartez de votre accueil."
        ),
    ),
    500: (
        gettext_noop("Quelque chose s’est cassé de notre côté"),
        gettext_noop(
            "Ce que vous aviez déjà enregistré est gardé. Recommencez ; si cela continue, "
            "appelez votre agence avec le code ci-dessous."
        ),
    ),
    503: (
        gettext_noop("Le service ne répond pas pour le moment"),
        gettext_noop(
            "Rien n’a été enregistré. Recommencez dans quelques instants ; si cela continue, "
            "appelez votre agence avec le code ci-dessous."
        ),
    ),
}


def wrong_page(status: int, sentence: str = "") -> HttpResponse:
    """The page of an error, in both languages; it needs neither the database nor the person."""
    title, words = _WORDS[status]
    other = "fr" if translation.get_language() == "ar" else "ar"
    with translation.override(other):
        other_words = f"{_(title)}. {_(words)}"
    context = {
        "status": status,
        "title": _(title),
        "words": sentence or _(words),
        "other": other,
        "other_words": other_words,
        "code": current_request_id.get(),
    }
    response = HttpResponse(render_to_string("portal/error.html", context), status=status)
    add_never_cache_headers(response)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response
