import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A link may only be withdrawn; an opening is never rewritten.
FREEZE = """
CREATE FUNCTION share_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a share link is never rewritten or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER share_frozen BEFORE DELETE OR UPDATE
    OF certificate_id, intent, token_digest, label, made_by_id, made_at, expires_at
    ON certificates_sharelink FOR EACH ROW EXECUTE FUNCTION share_frozen();
CREATE TRIGGER share_opening_frozen BEFORE DELETE OR UPDATE
    ON certificates_shareopening FOR EACH ROW EXECUTE FUNCTION share_frozen();
"""
UNFREEZE = """
DROP TRIGGER share_opening_frozen ON certificates_shareopening;
DROP TRIGGER share_frozen ON certificates_sharelink;
DROP FUNCTION share_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("certificates", "0004_issued_at_the_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ShareLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("intent", models.UUIDField(unique=True)),
                ("token_digest", models.CharField(max_length=64, unique=True)),
                ("label", models.CharField(max_length=120, verbose_name="pour qui")),
                ("made_at", models.DateTimeField(verbose_name="créé le")),
                ("expires_at", models.DateTimeField(verbose_name="valable jusqu’au")),
                (
                    "withdrawn_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="retiré le"),
                ),
                (
                    "certificate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="certificates.certificate",
                        verbose_name="attestation",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="créé par",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="retiré par",
                    ),
                ),
            ],
            options={
                "verbose_name": "lien de partage",
                "verbose_name_plural": "liens de partage",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ShareOpening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="le")),
                (
                    "part",
                    models.CharField(
                        choices=[("page", "page ouverte"), ("paper", "PDF téléchargé")],
                        max_length=5,
                        verbose_name="ce qui a été lu",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="openings",
                        to="certificates.sharelink",
                        verbose_name="lien",
                    ),
                ),
            ],
            options={
                "verbose_name": "ouverture d’un lien",
                "verbose_name_plural": "ouvertures des liens",
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="sharelink",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("made_at"))),
                name="share_expires_after_it_is_made",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharelink",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawn_at__isnull", True), ("withdrawn_by__isnull", True)),
                    models.Q(("withdrawn_at__isnull", False), ("withdrawn_by__isnull", False)),
                    _connector="OR",
                ),
                name="share_withdrawn_by_someone",
            ),
        ),
        migrations.RunSQL(FREEZE, UNFREEZE),
    ]
