"""No ring of merged patients, whichever program writes to the database (domain invariant 8).

A trigger follows the new survivor's own merges to their end before a patient is merged; it is made after every
migration (as :mod:`ris_core.studies.immutability`).
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connections

_REACHES_ITSELF: Final = """
WITH RECURSIVE chain(id) AS (
    SELECT NEW.merged_into_id
    UNION
    SELECT patient.merged_into_id FROM patients_patient patient JOIN chain ON patient.id = chain.id
    WHERE patient.merged_into_id IS NOT NULL
)
SELECT 1 FROM chain WHERE id = NEW.id
"""
_SQLITE: Final = f"""
CREATE TRIGGER IF NOT EXISTS patient_merges_make_no_ring
BEFORE UPDATE OF merged_into_id ON patients_patient
WHEN NEW.merged_into_id IS NOT NULL AND EXISTS ({_REACHES_ITSELF})
BEGIN SELECT RAISE(ABORT, 'merged patients would make a ring'); END
"""
_POSTGRESQL: Final = f"""
CREATE OR REPLACE FUNCTION refuse_ring_of_merges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS ({_REACHES_ITSELF}) THEN
        RAISE EXCEPTION 'merged patients would make a ring' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER patient_merges_make_no_ring
BEFORE UPDATE OF merged_into_id ON patients_patient FOR EACH ROW
WHEN (NEW.merged_into_id IS NOT NULL)
EXECUTE FUNCTION refuse_ring_of_merges();
"""


def install_guard(using: str = "default", **_signal: Any) -> None:
    """Make the trigger if it is not there; for Django's ``post_migrate``."""
    connection = connections[using]
    if "patients_patient" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)
