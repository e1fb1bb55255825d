"""Which address shows what to somebody who does not see everything: asked at every request, in one place.

An address that names an exam, a patient or a study is open when the user sees it. Somebody with limits gets besides
into those that show no patient's data, and into those that ask :mod:`ris_core.sight.seeing` themselves; every other
address is closed to them, so that a new one is closed until it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ris_core.accounts.models import User
from ris_core.sight.errors import OutOfSight
from ris_core.sight.rows import ROWS
from ris_core.sight.seeing import (
    is_limited,
    sees_document,
    sees_exam,
    sees_patient,
    sees_request,
    sees_signature,
    sees_study,
)

NAMED: Final[Mapping[str, Callable[[User, int], bool]]] = {
    "exam_id": sees_exam,
    "procedure_id": sees_exam,
    "prior_id": sees_exam,
    "patient_id": sees_patient,
    "study_id": sees_study,
    "request_id": sees_request,
    "document_id": sees_document,
    "signature_id": sees_signature,
    **{name: row.seen_by for name, row in ROWS.items()},
}
"""What an argument of an address names."""

IMPERSONAL: Final = frozenset(
    {"login", "accounts", "roles", "sight", "reading_targets", "reading_rules", "hanging", "report_templates"}
)
"""Namespaces of addresses that show no patient's data, or only what the user typed."""

SCOPED: Final = frozenset(
    {
        "worklist:worklist",
        "worklist:start",
        "worklist:choose_start",
        "worklist:rows",
        "worklist:side",
        "worklist:bulk",
        "worklist:columns",
        "worklist:save_list",
        "worklist:delete_list",
        "worklist:delete_folder",
        "referrers:results",
        "referrers:practitioner",
        "referrers:end",
        "reading:next",
        "reading:local_keep",
        "comparing:compare",
        "teaching:cases",
        "teaching:create",
        "teaching:case",
        "teaching:pictures",
        "teaching:picture",
        "teaching:edit",
        "teaching:remove",
        "teaching:open",
        "teaching:withdraw",
        "teaching:delete",
        "teaching:exam",
        "teaching:export",
        "exports:exports",
        "exports:rows",
        "exports:create",
        "exports:cancel",
        "exports:again",
        "exports:file",
    }
)
"""Addresses that show what the user sees and nothing else."""


def refuse_out_of_sight(user: User, address: str, arguments: Mapping[str, Any]) -> None:
    """:param address: the full name of the address
    :raises OutOfSight: it shows something that the user does not see
    """
    named = [(sees, arguments[name]) for name, sees in NAMED.items() if name in arguments]
    for sees, key in named:
        if not sees(user, int(key)):
            raise OutOfSight("outside what this account sees", field="sight")
    if named or address in SCOPED or address.partition(":")[0] in IMPERSONAL:
        return
    if is_limited(user):
        raise OutOfSight("this page shows more than what this account sees", field="sight")
