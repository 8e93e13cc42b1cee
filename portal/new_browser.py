"""An account under attack from everywhere, and its owner before a browser that was never here.

The limit that counts an account's attempts from anywhere (portal.limits) would then keep the owner out for as long as
strangers go on. So reaching it writes to the account, once an hour at most: the link makes a browser one that knows the
account. It opens nothing, holds no address, and what is shown, done and waited for is the same when nobody has the
address.
"""

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal import clock, mail, second_step
from portal.models import User

#: Longer than the hour between two letters: while an attack lasts, the owner holds a link that serves.
LASTS = timedelta(hours=2)
_LINK = signing.TimestampSigner(salt="portal.new_browser")


def offer(account: str) -> None:
    """Write to the owner of this address, if there is one; as much work when there is none."""
    user = User.objects.filter(email=account, is_active=True).first()
    now, key = clock.now(), user.pk if user is not None else 0
    with transaction.atomic():
        mail.write(
            key=f"door:{key}:{now:%Y%m%d%H}",
            to=user or mail.Address(account),
            template="portal/mail/new_browser.txt",
            facts={"hours": int(LASTS.total_seconds()) // 3600},
            at=now,
            path=reverse("portal:new_browser", args=[token_of(key)]),
            is_secret=True,
        )
        if user is None:
            transaction.set_rollback(True)


def token_of(key: int) -> str:
    """What the link holds."""
    return _LINK.sign(str(key))


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def take(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link: one button makes this browser one that knows the account; the door is next."""
    try:
        key, is_late = _LINK.unsign(token, max_age=LASTS), False
    except signing.SignatureExpired:
        key, is_late = "", True
    except signing.BadSignature as error:
        raise Http404 from error
    is_taken = request.method == "POST" and not is_late
    context = {"late": is_late, "taken": is_taken}
    response = render(request, "portal/new_browser.html", context)
    user = User.objects.filter(pk=key, is_active=True).first() if is_taken else None
    if user is not None:
        second_step.mark_browser(request, response, user)
    return response
