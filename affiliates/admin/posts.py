"""Access reviews: who holds which post, since when, and whether it is still needed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from affiliates.forms import ReviewForm
from affiliates.models import PostReview, StaffAssignment
from affiliates.queries.posts import posts_to_review, staff_without_post, superusers
from affiliates.workflows import review_post
from portal import clock
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form
from portal.fresh import fresh_to_act
from regulation.errors import DomainError


@admin.register(StaffAssignment)
class PostAdmin(StaffScreens):
    """The list of posts, and one's word on each; nobody reviews their own."""

    def get_urls(self) -> list[URLPattern]:
        """Only our own pages."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.review_view, "change"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Every post, the overdue ones first; then the accounts that no post explains."""
        listed = posts_to_review(on=clock.today())
        return self.page(
            request,
            "admin/affiliates/posts.html",
            title=_("Revues d’accès"),
            listed=listed,
            overdue=sum(one.is_overdue for one in listed),
            lost=staff_without_post(),
            superusers=superusers(),
        )

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    @method_decorator(fresh_to_act)
    def review_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """One post: what it is, the former reviews, and the word of today."""
        post = get_object_or_404(
            StaffAssignment.objects.select_related("user", "agency", "given_by"), pk=pk
        )
        form = ReviewForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                review_post(
                    actor=actor_of(request),
                    at=clock.now(),
                    post=post,
                    verdict=form.cleaned_data["verdict"],
                    reason=form.cleaned_data["reason"],
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                return redirect(self.address("changelist"))
        return self.page(
            request,
            "admin/affiliates/post.html",
            status=422 if form.errors else 200,
            title=post.user.full_name,
            post=post,
            form=form,
            is_mine=post.user_id == actor_of(request).pk,
            reviews=PostReview.objects.filter(user=post.user).select_related("reviewed_by")[:20],
        )
