"""A key may say from where its calls come."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0023_orders_move_along_the_table")]

    operations = [
        migrations.AddField(
            model_name="bankkey",
            name="networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=43),
                blank=True,
                default=list,
                size=None,
                verbose_name="adresses",
            ),
        ),
    ]
