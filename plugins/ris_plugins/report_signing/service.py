"""What is done inside Orthanc when a study is complete: one look at the database, and rows in the table of jobs.

Signing itself is the worker's (:mod:`ris_core.signatures.signing`): nothing here reads a key.
"""

from __future__ import annotations

from ris_core.identifiers import OrthancId
from ris_core.signatures.keeping import keep_in_step


def want_signed_reports_kept(orthanc_id: str) -> None:
    """Have the study's signed reports stored in it; those that are there stay as they are.

    :raises InvalidValue: when ``orthanc_id`` is not an identifier of Orthanc's
    """
    keep_in_step(OrthancId(orthanc_id))
