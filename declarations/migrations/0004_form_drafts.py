"""What a draft of the form keeps: how much is left to complete, and what could not be read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("declarations", "0003_chain_existing_receipts")]

    operations = [
        migrations.AddField(
            "declaration",
            "to_complete",
            models.PositiveIntegerField(default=0, db_default=0, verbose_name="à compléter"),
        ),
        migrations.AddField(
            "declaration",
            "unread",
            models.JSONField(
                blank=True, default=dict, db_default={}, verbose_name="saisies illisibles"
            ),
        ),
    ]
