from django.db import migrations, models

# What it is about is frozen with the rest.
FREEZE = """
DROP TRIGGER certificate_frozen ON certificates_certificate;
CREATE TRIGGER certificate_frozen BEFORE UPDATE
    OF number, token, kind, affiliate_id, first_period, last_period, about, facts, digest, issued_at, issued_by_id,
    intent
    ON certificates_certificate FOR EACH ROW EXECUTE FUNCTION certificate_frozen();
"""
UNFREEZE = """
DROP TRIGGER certificate_frozen ON certificates_certificate;
CREATE TRIGGER certificate_frozen BEFORE UPDATE
    OF number, token, kind, affiliate_id, first_period, last_period, facts, digest, issued_at, issued_by_id, intent
    ON certificates_certificate FOR EACH ROW EXECUTE FUNCTION certificate_frozen();
"""
KINDS = [
    ("registration", "attestation d’affiliation"),
    ("payroll", "attestation de masse salariale"),
    ("standing", "attestation de régularité"),
    ("tender", "attestation pour marché public"),
    ("employees", "liste des salariés déclarés"),
    ("employee", "attestation d’immatriculation d’un salarié"),
    ("wages", "attestation de salaires déclarés d’un salarié"),
]


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_end_note_and_order")]

    operations = [
        migrations.RemoveConstraint("certificate", "certificate_kind_known"),
        migrations.RemoveConstraint("certificate", "certificate_range"),
        migrations.AddField(
            "certificate",
            "about",
            models.CharField(blank=True, db_default="", max_length=160, verbose_name="au sujet de"),
        ),
        migrations.AlterField(
            "certificate",
            "kind",
            models.CharField(choices=KINDS, max_length=14, verbose_name="nature"),
        ),
        migrations.AddConstraint(
            "certificate",
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind for kind, _label in KINDS]),
                name="certificate_kind_known",
            ),
        ),
        migrations.AddConstraint(
            "certificate",
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["payroll", "standing", "tender", "employees", "wages"],
                    first_period__day=1,
                    last_period__day=1,
                    first_period__lte=models.F("last_period"),
                )
                | models.Q(
                    kind__in=["registration", "employee"],
                    first_period__isnull=True,
                    last_period__isnull=True,
                ),
                name="certificate_range",
            ),
        ),
        migrations.RunSQL(FREEZE, UNFREEZE),
    ]
