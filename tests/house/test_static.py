"""The image can be made: every file that a style sheet names is there to be served."""

from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings


def test_every_file_that_a_style_sheet_names_exists(tmp_path: Path) -> None:
    storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": storage}}
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").exists()
