"""The wiring as a Django application, and the staff desk that replaces Django's own admin site."""

from django.apps import AppConfig, apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class DamancomConfig(AppConfig):
    name = "damancom"

    def ready(self) -> None:
        # Models are known only now; this module names them.
        from damancom import row_walls

        # Sent for each application that has models, once all have migrated: once is enough.
        post_migrate.connect(row_walls.put_up, sender=apps.get_app_config("portal"))


class StaffDeskConfig(AdminConfig):
    default_site = "portal.desk.StaffDesk"

    def ready(self) -> None:
        super().ready()
        # Rights come from an assignment to an agency, never from Django's groups.
        admin.site.unregister(apps.get_model("auth", "Group"))
        # What opens an account belongs to its holder: no desk shows or edits it.
        admin.site.unregister(apps.get_model("account", "EmailAddress"))
        admin.site.unregister(apps.get_model("mfa", "Authenticator"))
