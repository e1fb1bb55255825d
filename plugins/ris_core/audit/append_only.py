"""The database itself refuses to change or remove audit events; only sealing one, once, is let through (ADR 33).

Made after every migration and not in one, because SQLite makes a table anew to alter it.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import connections

_TABLE: Final = "audit_auditevent"
_SEAL: Final = ("sequence", "previous", "hash")
_REFUSAL: Final = "audit events are only ever added"

_POSTGRESQL: Final = f"""
CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.sequence IS NULL AND NEW.sequence IS NOT NULL
        AND to_jsonb(OLD) - '{{{",".join(_SEAL)}}}'::text[] = to_jsonb(NEW) - '{{{",".join(_SEAL)}}}'::text[]
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION audit_kept();
CREATE OR REPLACE TRIGGER audit_never_emptied BEFORE TRUNCATE ON {_TABLE} EXECUTE FUNCTION audit_kept();
"""


def protect(using: str = "default", **_signal: Any) -> None:
    """Make the triggers; for Django's ``post_migrate``. Not in databases of tests, which are emptied after a test."""
    if not getattr(settings, "AUDIT_MAY_BE_EMPTIED", False):
        make_triggers(using)


def make_triggers(using: str = "default") -> None:
    """Make the triggers if the table is there."""
    connection = connections[using]
    if _TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL)
            return
        columns = connection.introspection.get_table_description(cursor, _TABLE)
        kept = [column.name for column in columns if column.name not in _SEAL]
        same = " AND ".join(f'OLD."{name}" IS NEW."{name}"' for name in kept)
        sealing = f"OLD.sequence IS NULL AND NEW.sequence IS NOT NULL AND {same}"
        for event, condition in (("UPDATE", f"WHEN NOT ({sealing}) "), ("DELETE", "")):
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS audit_kept_from_{event.lower()} BEFORE {event} ON {_TABLE} "
                f"FOR EACH ROW {condition}BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
