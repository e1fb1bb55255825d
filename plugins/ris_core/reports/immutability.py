"""Report versions cannot be changed, by this program or any other that has the database (invariant 6).

The guard is a trigger, made after every migration rather than in one, so that it also stands in databases whose tables
were made anew (tests) or restored without it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connections

_SQLITE: Final = """
CREATE TRIGGER IF NOT EXISTS report_version_is_immutable BEFORE UPDATE ON reports_reportversion
BEGIN SELECT RAISE(ABORT, 'a report version is never changed: approve a corrected one'); END
"""
_POSTGRESQL: Final = """
CREATE OR REPLACE FUNCTION refuse_report_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a report version is never changed: approve a corrected one' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER report_version_is_immutable BEFORE UPDATE OR DELETE ON reports_reportversion
FOR EACH ROW EXECUTE FUNCTION refuse_report_version_change();
"""


def install_guard(using: str = "default", **_signal: Any) -> None:
    """Make the trigger if it is not there; for Django's ``post_migrate``."""
    connection = connections[using]
    if "reports_reportversion" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)
