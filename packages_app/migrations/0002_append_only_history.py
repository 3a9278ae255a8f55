from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'History is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER packageevent_append_only BEFORE UPDATE OR DELETE ON packages_app_packageevent
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER compartmentevent_append_only BEFORE UPDATE OR DELETE ON lockers_compartmentevent
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
"""
DROP = """
DROP TRIGGER compartmentevent_append_only ON lockers_compartmentevent;
DROP TRIGGER packageevent_append_only ON packages_app_packageevent;
DROP FUNCTION refuse_rewriting_history();
"""


class Migration(migrations.Migration):
    dependencies = [("packages_app", "0001_initial"), ("lockers", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
