"""Where one lands: visitors on the public page, each person in the space that is theirs."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from affiliates.access import for_actor
from payments.models import BankMembership
from portal import clock
from portal.models import User
from portal.views import landing


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """One affiliate: its home; several: the list to choose from; a bank: its files; staff: their desk."""
    user = request.user
    if not isinstance(user, User):
        return landing(request)
    if user.is_staff:
        return redirect("admin:index")
    if BankMembership.objects.filter(user=user, ended_at__isnull=True).exists():
        return redirect("payments:bank_home")
    mine = list(for_actor(user, on=clock.today()).order_by("pk")[:2])
    if len(mine) == 1:
        return redirect("affiliates:home", affiliation_number=mine[0].affiliation_number)
    if mine:
        return redirect("affiliates:choose")
    return render(request, "portal/nowhere.html")
