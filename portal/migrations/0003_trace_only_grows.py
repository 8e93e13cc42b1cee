"""The trace and its seals only grow: the database refuses any change, even to a careless superuser."""

from django.db import migrations

FORBID = """
CREATE FUNCTION portal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER portal_auditentry_only_grows BEFORE UPDATE OR DELETE ON portal_auditentry
    FOR EACH ROW EXECUTE FUNCTION portal_refuse_change();
CREATE TRIGGER portal_auditentry_no_truncate BEFORE TRUNCATE ON portal_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION portal_refuse_change();
CREATE TRIGGER portal_auditseal_only_grows BEFORE UPDATE OR DELETE ON portal_auditseal
    FOR EACH ROW EXECUTE FUNCTION portal_refuse_change();
CREATE TRIGGER portal_auditseal_no_truncate BEFORE TRUNCATE ON portal_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION portal_refuse_change();
"""

ALLOW = """
DROP TRIGGER portal_auditseal_no_truncate ON portal_auditseal;
DROP TRIGGER portal_auditseal_only_grows ON portal_auditseal;
DROP TRIGGER portal_auditentry_no_truncate ON portal_auditentry;
DROP TRIGGER portal_auditentry_only_grows ON portal_auditentry;
DROP FUNCTION portal_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0002_attempts_and_database_time")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
