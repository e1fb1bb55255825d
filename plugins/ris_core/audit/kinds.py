"""What kind of thing an action is, in the words of DICOM PS3.15 A.5 and FHIR: data, by the beginning of its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A code with its meaning (PS3.16 D, scheme ``DCM`` unless it says otherwise)."""

    value: str
    meaning: str
    scheme: str = "DCM"


USER_AUTHENTICATION: Final = Code("110114", "User Authentication")
INSTANCES_ACCESSED: Final = Code("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED: Final = Code("110104", "DICOM Instances Transferred")
EXPORT: Final = Code("110106", "Export")
QUERY: Final = Code("110112", "Query")
PATIENT_RECORD: Final = Code("110110", "Patient Record")
ORDER_RECORD: Final = Code("110109", "Order Record")
PROCEDURE_RECORD: Final = Code("110111", "Procedure Record")
SECURITY_ALERT: Final = Code("110113", "Security Alert")
AUDIT_LOG_USED: Final = Code("110101", "Audit Log Used")
NODE: Final = Code("110120", "Application Start")

_BY_ENDING: Final[tuple[tuple[str, Code], ...]] = (
    ("searched", QUERY),
    ("queried", QUERY),
    ("exported", EXPORT),
    ("downloaded", EXPORT),
    ("printed", EXPORT),
)
_BY_BEGINNING: Final[tuple[tuple[str, Code], ...]] = (
    ("audit.", AUDIT_LOG_USED),
    ("user.log", USER_AUTHENTICATION),
    ("study.received", INSTANCES_TRANSFERRED),
    ("annotation.", INSTANCES_TRANSFERRED),
    *(
        (name, INSTANCES_ACCESSED)
        for name in ("images.", "study.", "prior.", "key_image.", "launch.", "result_link.", "share.")
    ),
    *((name, PATIENT_RECORD) for name in ("patient.", "visit.", "data_request.")),
    *((name, ORDER_RECORD) for name in ("order.", "orders.", "appointment.")),
    *(
        (name, PROCEDURE_RECORD)
        for name in (
            "exam.",
            "report.",
            "reading.",
            "performed.",
            "critical.",
            "signature.",
            "signed_report.",
            "opinion.",
        )
    ),
    ("", SECURITY_ALERT),
)
"""The first that fits: what is none of the others is a change of how the site is set up, or something refused."""

_LETTERS: Final[tuple[tuple[str, str], ...]] = (
    *(
        (ending, "R")
        for ending in ("viewed", "opened", "read", "compared", "searched", "queried", "explained", "shown")
    ),
    *((ending, "R") for ending in ("exported", "downloaded", "printed", "previewed")),
    *(
        (ending, "C")
        for ending in ("created", "placed", "received", "registered", "added", "saved", "booked", "stored", "made")
    ),
    *((ending, "D") for ending in ("deleted", "removed", "revoked", "withdrawn", "forgotten")),
    *((ending, "E") for ending in ("logged_in", "logged_out", "login_failed", "locked_out", "refused", "tried")),
)


def event_code(action: str) -> Code:
    """The EventID of an action (PS3.15 A.5.3)."""
    verb = action.rpartition(".")[2]
    for ending, code in _BY_ENDING:
        if verb == ending:
            return code
    return next(code for beginning, code in _BY_BEGINNING if action.startswith(beginning))


def action_letter(action: str) -> str:
    """``C`` create, ``R`` read, ``U`` update, ``D`` delete, ``E`` execute (EventActionCode, AuditEvent.action)."""
    verb = action.rpartition(".")[2]
    return next((letter for ending, letter in _LETTERS if verb == ending), "U")
