"""Refusals about the posts of the fund."""

from regulation.errors import DomainError
from regulation.text import _


class OwnPost(DomainError):
    """Nobody gives themselves a post, nor reviews their own."""

    code = "post.own"
    message = _("C’est votre propre poste : quelqu’un d’autre doit le donner ou le revoir.")


class PostMissing(DomainError):
    """Whoever acts holds none of the posts of the fund that this act is for; or not any more."""

    code = "post.missing"
    message = _("Cet acte demande un autre poste que le vôtre à la Caisse : rien n’a été fait.")


class PostGone(DomainError):
    """The post was taken back meanwhile."""

    code = "post.gone"
    message = _("Ce poste a été retiré entre-temps.")
