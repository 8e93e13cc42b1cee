"""An assessment in force names the declaration that it led to; that alone joins what may still move."""

import django.db.models.deletion
from django.db import migrations, models

_MOVES = "state,first_approved_by_id,second_approved_by_id,in_force_at"


def _trigger(columns: str) -> str:
    return f"""
DROP TRIGGER assessment_kept ON disputes_assessment;
CREATE TRIGGER assessment_kept BEFORE UPDATE OR DELETE ON disputes_assessment FOR EACH ROW
    EXECUTE FUNCTION disputes_only_signatures_move('{{{columns}}}');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("declarations", "0010_established_by_the_fund"),
        ("disputes", "0003_missions"),
    ]

    operations = [
        migrations.AddField(
            model_name="assessment",
            name="declaration",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assessments",
                to="declarations.declaration",
                verbose_name="déclaration établie",
            ),
        ),
        migrations.RunSQL(_trigger(f"{_MOVES},declaration_id"), _trigger(_MOVES)),
    ]
