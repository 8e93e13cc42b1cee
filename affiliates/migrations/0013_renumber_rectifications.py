"""Numbers of rectifications begin with RECT: those of disputes begin with R, and one number must name one thing."""

from django.db import migrations
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr


def renumber(apps, old, new):
    rows = apps.get_model("affiliates", "RectificationRequest").objects
    rows.filter(number__startswith=old).update(
        number=Concat(Value(new), Substr(F("number"), len(old) + 1))
    )


def forwards(apps, schema_editor):
    renumber(apps, "R-", "RECT-")


def backwards(apps, schema_editor):
    renumber(apps, "RECT-", "R-")


class Migration(migrations.Migration):
    dependencies = [("affiliates", "0012_posts_given_and_reviewed")]

    operations = [migrations.RunPython(forwards, backwards, elidable=True)]
