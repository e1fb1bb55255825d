"""What each role may do: data, read by the screens (to show) and by the services' callers (to refuse)."""

from __future__ import annotations

from enum import StrEnum


class Function(StrEnum):
    """Something a user may be allowed to do."""

    VIEW_WORKLIST = "view_worklist"
    VIEW_IMAGES = "view_images"
    VIEW_REPORT = "view_report"
    READ_EXAM = "read_exam"
    """Hold an exam's reading and write its draft."""
    APPROVE_PRELIMINARY = "approve_preliminary"
    APPROVE_REPORT = "approve_report"
    """Approve as final, and correct what is final."""
    APPROVE_RESIDENTS = "approve_residents"
    """Approve as final what a resident has approved as preliminary."""
    OVERRIDE_READING = "override_reading"
    """Take over a reading that somebody else holds."""
    FLAG_CRITICAL = "flag_critical"
    """Say that an exam shows what somebody must know now."""
    ACKNOWLEDGE_CRITICAL = "acknowledge_critical"
    """Answer for having learnt of a critical result."""
    RECORD_ACQUISITION = "record_acquisition"
    """Count films and exposures, and say when an exam was really performed."""
    REVIEW_PEERS = "review_peers"
    """Say how far one agrees with a colleague's report that was drawn for it."""
    MANAGE_PEER_REVIEWS = "manage_peer_reviews"
    """Say which reports are drawn for review, and see what was said of whose."""
    SIGN_REPORT = "sign_report"
    """Sign digitally what one has approved, with one's own key."""
    RECALL_REPORT = "recall_report"
    RESOLVE_UNMATCHED = "resolve_unmatched"
    MANAGE_STUDIES = "manage_studies"
    MANAGE_DELIVERIES = "manage_deliveries"
    RELEASE_RESULTS = "release_results"
    """Have results returned that are held back until they are paid for."""
    VIEW_STATISTICS = "view_statistics"
    VIEW_MESSAGES = "view_messages"
    MANAGE_MESSAGES = "manage_messages"
    VIEW_DEVICES = "view_devices"
    MANAGE_ORDERS = "manage_orders"
    VIEW_PATIENTS = "view_patients"
    MANAGE_PATIENTS = "manage_patients"
    """Correct who a patient is, their identifiers, whose a visit is."""
    MERGE_PATIENTS = "merge_patients"
    """Say that two records are one person, or that an update may make somebody another person."""
    MANAGE_TEMPLATES = "manage_templates"
    """Change report templates, the hospital's phrases and words, and how reports are printed."""
    SHARE_EXAM = "share_exam"
    """Show exams to somebody without an account, by a link."""
    MANAGE_SHARES = "manage_shares"
    """See, prolong and revoke what others have shared."""
    ADMINISTER = "administer"


_VIEWING = frozenset({Function.VIEW_WORKLIST, Function.VIEW_IMAGES, Function.VIEW_REPORT})

_WRITING = _VIEWING | {Function.READ_EXAM, Function.VIEW_PATIENTS}
_RESIDENT = _WRITING | {Function.APPROVE_PRELIMINARY, Function.FLAG_CRITICAL, Function.ACKNOWLEDGE_CRITICAL}
_RADIOLOGIST = _RESIDENT | {
    Function.APPROVE_REPORT,
    Function.RECORD_ACQUISITION,
    Function.REVIEW_PEERS,
    Function.SIGN_REPORT,
    Function.RECALL_REPORT,
    Function.RESOLVE_UNMATCHED,
    Function.VIEW_STATISTICS,
    Function.MANAGE_TEMPLATES,
    Function.SHARE_EXAM,
}

FUNCTIONS_BY_ROLE: dict[str, frozenset[Function]] = {
    "SECRETARY": _WRITING,
    "RESIDENT": _RESIDENT,
    "RADIOLOGIST": _RADIOLOGIST,
    "SENIOR": _RADIOLOGIST
    | {Function.APPROVE_RESIDENTS, Function.OVERRIDE_READING, Function.MANAGE_PEER_REVIEWS, Function.MANAGE_SHARES},
    "TECHNOLOGIST": _VIEWING
    | {
        Function.RESOLVE_UNMATCHED,
        Function.MANAGE_STUDIES,
        Function.VIEW_DEVICES,
        Function.MANAGE_ORDERS,
        Function.RECORD_ACQUISITION,
        Function.VIEW_PATIENTS,
        Function.SHARE_EXAM,
    },
    "RECEPTION": frozenset(
        {
            Function.VIEW_WORKLIST,
            Function.MANAGE_ORDERS,
            Function.VIEW_PATIENTS,
            Function.MANAGE_PATIENTS,
            Function.RELEASE_RESULTS,
            Function.VIEW_STATISTICS,
        }
    ),
    "CLINICIAN": _VIEWING | {Function.ACKNOWLEDGE_CRITICAL},
    "ADMINISTRATOR": frozenset(
        {
            Function.VIEW_WORKLIST,
            Function.RESOLVE_UNMATCHED,
            Function.MANAGE_STUDIES,
            Function.MANAGE_DELIVERIES,
            Function.RELEASE_RESULTS,
            Function.VIEW_STATISTICS,
            Function.VIEW_MESSAGES,
            Function.MANAGE_MESSAGES,
            Function.VIEW_DEVICES,
            Function.MANAGE_ORDERS,
            Function.VIEW_PATIENTS,
            Function.MANAGE_PATIENTS,
            Function.MERGE_PATIENTS,
            Function.MANAGE_TEMPLATES,
            Function.MANAGE_SHARES,
            Function.ADMINISTER,
        }
    ),
}


def may(role: str, function: Function) -> bool:
    """Whether ``role`` has ``function``; an unknown role may nothing."""
    return function in FUNCTIONS_BY_ROLE.get(role, frozenset())
