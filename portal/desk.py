"""The staff desk itself. Apart from portal/admin.py: registering a model makes Django import the desk first."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import veils


class StaffDesk(admin.AdminSite):
    """The clerks' desk; replaces Django's own admin site."""

    site_header = _("Damancom — bureau des agents")
    site_title = _("Bureau des agents")
    index_title = _("Que voulez-vous traiter ?")
    enable_nav_sidebar = False

    def get_urls(self) -> list[Any]:
        """Django's own, and the one that shows what is veiled."""
        show = self.admin_view(require_POST(self._show))
        return [path("afficher/<str:label>/<int:pk>/", show, name="show"), *super().get_urls()]

    def _show(self, request: HttpRequest, label: str, pk: int) -> HttpResponse:
        return veils.show(request, self, label, pk)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As Django's, for the methods that a browser sends: its own pages would answer any other as they do GET."""
        return super().admin_view(require_http_methods(["GET", "HEAD", "POST"])(view), cacheable)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page of the desk knows: here, what names somebody is veiled."""
        return {**super().each_context(request), "is_desk": True}

    def has_permission(self, request: HttpRequest) -> bool:
        """Members of staff; a superuser's account is for repairs at the console, and has no desk."""
        return super().has_permission(request) and not getattr(request.user, "is_superuser", False)

    @method_decorator([login_not_required, require_http_methods(["GET", "HEAD", "POST"])])
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

    @method_decorator(require_safe)
    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The first page, to read."""
        return super().index(request, extra_context)

    @method_decorator(require_safe)
    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The screens of a room, to read."""
        return super().app_index(request, app_label, extra_context)

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One page changes a password: it counts the tries, tells the person and leaves its trace."""
        return redirect("portal:password")

    def password_change_done(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is none: the page of accounts says what it did."""
        raise Http404

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """No form of this desk completes a name; Django's own answer would list firms to anybody who asks, untraced."""
        raise Http404
