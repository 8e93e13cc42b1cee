"""The wiring as a Django application, and the staff desk that replaces Django's own admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DamancomConfig(AppConfig):
    name = "damancom"


class StaffDeskConfig(AdminConfig):
    default_site = "portal.admin.StaffDesk"
