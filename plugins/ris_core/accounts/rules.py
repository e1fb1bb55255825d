"""What can be allowed, and the ready set of roles: data.

What a site has made of it is in :mod:`ris_core.accounts.roles`, which screens ask (to show) and services' callers (to
refuse)."""

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
    VIEW_REFERRED = "view_referred"
    """See released results of the exams that name oneself: of a doctor outside."""
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
    EXPORT_EXAM = "export_exam"
    """Take images out as files: DICOM, discs, pictures."""
    VIEW_TEACHING = "view_teaching"
    """See teaching cases, which name no patient."""
    MAKE_TEACHING = "make_teaching"
    """Make teaching cases of exams, and change one's own."""
    MANAGE_TEACHING = "manage_teaching"
    """Change, withdraw and delete everybody's teaching cases, and go from them to their exams."""
    PRINT_PORTAL_SLIP = "print_portal_slip"
    """Give patients slips for the portal, withdraw them, and see how the portal is used."""
    DECIDE_FOR_PATIENT = "decide_for_patient"
    """Hold a result back from its patient, or let it go at once."""
    IMPORT_IMAGES = "import_images"
    """Take in images from outside, and say whose they are."""
    VIEW_CONFIDENTIAL = "view_confidential"
    """See patients who are marked as confidential."""
    BREAK_GLASS = "break_glass"
    """Open a patient in an emergency whom one does not see; with a reason, for a while, audited."""
    VIEW_AUDIT = "view_audit"
    """See who did and saw what."""
    ANSWER_DATA_REQUESTS = "answer_data_requests"
    """Keep the register of what patients ask about their data, and make the copy of what is kept of one."""
    MANAGE_ACCOUNTS = "manage_accounts"
    """Open accounts of people and keys of programs, and say what each role may do."""
    ADMINISTER = "administer"
    """Change how the system works: its rules, its connections, its devices."""


_VIEWING = frozenset({Function.VIEW_WORKLIST, Function.VIEW_IMAGES, Function.VIEW_REPORT})

_WRITING = _VIEWING | {Function.READ_EXAM, Function.VIEW_PATIENTS}
_RESIDENT = _WRITING | {
    Function.BREAK_GLASS,
    Function.APPROVE_PRELIMINARY,
    Function.FLAG_CRITICAL,
    Function.ACKNOWLEDGE_CRITICAL,
    Function.VIEW_TEACHING,
}
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
    Function.EXPORT_EXAM,
    Function.MAKE_TEACHING,
    Function.DECIDE_FOR_PATIENT,
    Function.IMPORT_IMAGES,
}

_TECHNICAL = frozenset(
    {
        Function.MANAGE_DELIVERIES,
        Function.VIEW_MESSAGES,
        Function.MANAGE_MESSAGES,
        Function.VIEW_DEVICES,
        Function.ADMINISTER,
    }
)

READY_ROLES: dict[str, frozenset[Function]] = {
    "SECRETARY": _WRITING,
    "RESIDENT": _RESIDENT,
    "RADIOLOGIST": _RADIOLOGIST,
    "SENIOR": _RADIOLOGIST
    | {
        Function.APPROVE_RESIDENTS,
        Function.OVERRIDE_READING,
        Function.MANAGE_PEER_REVIEWS,
        Function.MANAGE_SHARES,
        Function.MANAGE_TEACHING,
        Function.VIEW_CONFIDENTIAL,
    },
    "TECHNOLOGIST": _VIEWING
    | {
        Function.RESOLVE_UNMATCHED,
        Function.MANAGE_STUDIES,
        Function.VIEW_DEVICES,
        Function.MANAGE_ORDERS,
        Function.RECORD_ACQUISITION,
        Function.VIEW_PATIENTS,
        Function.SHARE_EXAM,
        Function.EXPORT_EXAM,
        Function.PRINT_PORTAL_SLIP,
        Function.IMPORT_IMAGES,
        Function.VIEW_TEACHING,
        Function.BREAK_GLASS,
    },
    "RECEPTION": frozenset(
        {
            Function.VIEW_WORKLIST,
            Function.MANAGE_ORDERS,
            Function.VIEW_PATIENTS,
            Function.MANAGE_PATIENTS,
            Function.RELEASE_RESULTS,
            Function.PRINT_PORTAL_SLIP,
            Function.VIEW_STATISTICS,
            Function.VIEW_CONFIDENTIAL,
        }
    ),
    "CLINICIAN": _VIEWING | {Function.ACKNOWLEDGE_CRITICAL, Function.VIEW_TEACHING, Function.BREAK_GLASS},
    "REFERRER": frozenset({Function.VIEW_REFERRED}),
    "AUDITOR": frozenset({Function.VIEW_AUDIT, Function.ANSWER_DATA_REQUESTS}),
    "IT": _TECHNICAL,
    "ADMINISTRATOR": _TECHNICAL
    | {
        Function.VIEW_WORKLIST,
        Function.RESOLVE_UNMATCHED,
        Function.MANAGE_STUDIES,
        Function.RELEASE_RESULTS,
        Function.VIEW_STATISTICS,
        Function.MANAGE_ORDERS,
        Function.VIEW_PATIENTS,
        Function.MANAGE_PATIENTS,
        Function.MERGE_PATIENTS,
        Function.MANAGE_TEMPLATES,
        Function.MANAGE_SHARES,
        Function.VIEW_CONFIDENTIAL,
        Function.VIEW_AUDIT,
        Function.ANSWER_DATA_REQUESTS,
        Function.MANAGE_ACCOUNTS,
    },
}
"""The roles that come with the system, each with what its work needs and nothing more."""

OWN_ONLY: frozenset[str] = frozenset({"REFERRER"})
"""Of the ready set: who sees only released exams whose order names them by their number."""

CLINICAL: frozenset[Function] = frozenset(
    {
        Function.VIEW_IMAGES,
        Function.VIEW_REPORT,
        Function.READ_EXAM,
        Function.APPROVE_PRELIMINARY,
        Function.APPROVE_REPORT,
        Function.APPROVE_RESIDENTS,
        Function.OVERRIDE_READING,
        Function.FLAG_CRITICAL,
        Function.ACKNOWLEDGE_CRITICAL,
        Function.REVIEW_PEERS,
        Function.SIGN_REPORT,
        Function.RECALL_REPORT,
        Function.DECIDE_FOR_PATIENT,
    }
)
"""Functions that show what exams found, or decide it."""


def gives_oneself(before: frozenset[Function], after: frozenset[Function]) -> frozenset[Function]:
    """Clinical functions that somebody would give to themselves: for these another administrator is asked, where the
    site's settings say so."""
    return (after - before) & CLINICAL
