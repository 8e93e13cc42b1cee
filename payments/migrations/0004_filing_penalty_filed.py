from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0003_ledger_walls"),
    ]

    operations = [
        migrations.AddField(
            model_name="filingpenalty",
            name="filed",
            field=models.BooleanField(default=False, verbose_name="déclaration déposée"),
        ),
    ]
