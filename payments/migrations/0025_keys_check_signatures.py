"""A key may hold the public half by which the calls of its bank are checked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0024_keys_say_where_calls_come_from")]

    operations = [
        migrations.AddField(
            model_name="bankkey",
            name="public_key",
            field=models.CharField(
                blank=True, default="", max_length=44, verbose_name="clé publique"
            ),
        ),
        migrations.AddConstraint(
            model_name="bankkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("public_key", ""), _negated=True),
                fields=("public_key",),
                name="bank_key_public_once",
            ),
        ),
    ]
