from django.db import migrations, models

# Why a member of staff issued it is frozen with the rest.
FREEZE = """
DROP TRIGGER certificate_frozen ON certificates_certificate;
CREATE TRIGGER certificate_frozen BEFORE UPDATE
    OF number, token, kind, affiliate_id, first_period, last_period, about, facts, digest, issued_at, issued_by_id,
    intent, purpose
    ON certificates_certificate FOR EACH ROW EXECUTE FUNCTION certificate_frozen();
"""
UNFREEZE = """
DROP TRIGGER certificate_frozen ON certificates_certificate;
CREATE TRIGGER certificate_frozen BEFORE UPDATE
    OF number, token, kind, affiliate_id, first_period, last_period, about, facts, digest, issued_at, issued_by_id,
    intent
    ON certificates_certificate FOR EACH ROW EXECUTE FUNCTION certificate_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("certificates", "0003_more_kinds")]

    operations = [
        migrations.AddField(
            "certificate",
            "purpose",
            models.CharField(
                blank=True, db_default="", max_length=300, verbose_name="motif de la délivrance"
            ),
        ),
        migrations.RunSQL(FREEZE, UNFREEZE),
    ]
