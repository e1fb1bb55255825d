"""The colour class of each state, by the kind of state: colour means state and nothing else."""

from __future__ import annotations

STYLES: dict[str, dict[str, str]] = {
    "exam_state": {
        "IN_PROGRESS": "waiting",
        "READY_TO_READ": "ready",
        "CLAIMED": "working",
        "DRAFT": "working",
        "PRELIMINARY": "waiting",
        "FINAL": "final",
        "RETURNED": "final",
        "RECALLED": "recalled",
    },
    "performed_status": {"IN PROGRESS": "waiting", "COMPLETED": "final", "DISCONTINUED": "recalled"},
    "readiness": {"COMPLETE": "final", "OVERDUE": "emergency", "INCOMPLETE": "waiting", "DEVICE_WORKING": "waiting"},
    "appointment_status": {"BOOKED": "ready", "ARRIVED": "final", "NO_SHOW": "waiting"},
    "step_status": {"STARTED": "waiting", "COMPLETED": "final", "ARRIVED": "ready", "READY": "ready"},
    "study_state": {
        "RECEIVING": "waiting",
        "LINKED": "ready",
        "READY_TO_READ": "ready",
        "UNMATCHED": "waiting",
        "CONFLICT": "emergency",
    },
    "message_state": {"APPLIED": "final", "REFUSED": "emergency", "HELD": "waiting"},
    "signature_state": {
        "QUEUED": "ready",
        "SIGNING": "waiting",
        "SIGNED": "final",
        "FAILED": "emergency",
        "WITHDRAWN": "recalled",
    },
    "batch_state": {"RUNNING": "waiting", "PAUSED": "ready", "DONE": "final"},
    "job_state": {"RUNNING": "waiting", "DONE": "final", "DEAD": "emergency"},
    "delivery_state": {
        "DEAD": "emergency",
        "RETRY": "waiting",
        "SENDING": "waiting",
        "QUEUED": "ready",
        "ACKNOWLEDGED": "final",
    },
}
"""The colour of a state (``frontend/src/css/components.css``); a state that is not here is quiet."""
