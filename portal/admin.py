"""The staff desk."""

from django.contrib import admin


class StaffDesk(admin.AdminSite):
    """The clerks' desk; replaces Django's own admin site."""
