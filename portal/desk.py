"""The staff desk itself. Apart from portal/admin.py: registering a model makes Django import the desk first."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _


class StaffDesk(admin.AdminSite):
    """The clerks' desk; replaces Django's own admin site."""

    site_header = _("Damancom — bureau des agents")
    site_title = _("Bureau des agents")
    index_title = _("Que voulez-vous traiter ?")
    enable_nav_sidebar = False

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One door for everyone: the same limits, the same words. For others than staff there is no desk."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise Http404
        query = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
        return redirect(f"{reverse('portal:login')}?{query}")

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """No form of this desk completes a name; Django's own answer would list firms to anybody who asks, untraced."""
        raise Http404
