"""What was received cannot be changed, by this program or any other that has the database (domain invariant 3).

The guard is a trigger, made after every migration (as :mod:`ris_core.reports.immutability`).
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connections

_SQLITE: Final = """
CREATE TRIGGER IF NOT EXISTS study_as_received_is_immutable
BEFORE UPDATE OF as_received, study_instance_uid ON studies_study
WHEN NEW.as_received IS NOT OLD.as_received OR NEW.study_instance_uid IS NOT OLD.study_instance_uid
BEGIN SELECT RAISE(ABORT, 'attributes as received are never changed'); END
"""
_POSTGRESQL: Final = """
CREATE OR REPLACE FUNCTION refuse_as_received_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'attributes as received are never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER study_as_received_is_immutable
BEFORE UPDATE OF as_received, study_instance_uid ON studies_study FOR EACH ROW
WHEN (NEW.as_received IS DISTINCT FROM OLD.as_received
    OR NEW.study_instance_uid IS DISTINCT FROM OLD.study_instance_uid)
EXECUTE FUNCTION refuse_as_received_change();
"""


def install_guard(using: str = "default", **_signal: Any) -> None:
    """Make the trigger if it is not there; for Django's ``post_migrate``."""
    connection = connections[using]
    if "studies_study" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS study_as_received_is_immutable")
        cursor.execute(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)
