"""Every kind of job that the worker knows, in one explicit tuple.

To add one: write a function that takes the subject's id and may be run twice with the effect of once, and add a line
here (``docs/how-to/developing.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ris_core.access.ended_grants import forget_ended_grants
from ris_core.audit import alerts as audit_alerts
from ris_core.audit import files as audit_files
from ris_core.audit import forwarding as audit_forwarding
from ris_core.audit import sealing as audit_sealing
from ris_core.backups import schedule as backups
from ris_core.critical_results import services as critical_results
from ris_core.delivery import sending
from ris_core.directories import services as directories
from ris_core.doses import reading as doses
from ris_core.exam_search import settling
from ris_core.exports import making as exports
from ris_core.exports import services as export_services
from ris_core.imports import scanning, storing
from ris_core.imports import services as import_services
from ris_core.jobs import duties
from ris_core.key_images import storing as key_images
from ris_core.notifications import sending as notifications
from ris_core.portal import telling as portal_telling
from ris_core.referrers import telling as referrer_telling
from ris_core.reports import documents, in_study
from ris_core.reports.arranging import ARRANGE_JOB
from ris_core.sealing import rotation as sealing_rotation
from ris_core.settings import Settings
from ris_core.sharing import copying as share_copying
from ris_core.sharing import telling as share_telling
from ris_core.sharing.services import COPY_JOB, REMOVE_JOB
from ris_core.signatures import credentials as signing_credentials
from ris_core.signatures import keeping as signed_keeping
from ris_core.signatures import signing
from ris_core.signatures import storing as signed_storing
from ris_core.statistics import exports as register_exports
from ris_core.studies import completeness, kept_copies, rejection_notes
from ris_core.studies import handlers as studies
from ris_core.teaching import picturing as teaching
from ris_core.teaching.services import JOB_KIND as TEACHING_JOB


class Pool(StrEnum):
    """Jobs that share threads: work that waits for one kind of peer cannot hold up the others."""

    IMAGES = "images"
    """Short talks with the engine, and the worker's own tidying."""
    DELIVERIES = "deliveries"
    """Waits for receivers; each receiver is a channel, so one that hangs takes one thread."""
    DOCUMENTS = "documents"
    """Lays out PDF: burns processor time, holds the interpreter's lock."""
    EXPORTS = "exports"
    """Writes many gigabytes, for minutes."""
    COPIES = "copies"
    """Copies without their patient: unpacks images and looks for text in them, minutes long."""
    SIGNATURES = "signatures"
    """Signs, and waits for tokens and time stamps; each key is a channel."""
    BACKUPS = "backups"
    """Reads everything there is, for hours, and nobody waits for it."""


NICENESS = 5
"""How far the worker stands back when processors are short: people at their lists and devices at theirs come first."""
SESSION_NICENESS = 10
"""How far its session does, where sessions share processors first: a tenth of a core at least stays the worker's."""
POOL_NICENESS: dict[Pool, int] = {
    Pool.DOCUMENTS: 5,
    Pool.SIGNATURES: 5,
    Pool.EXPORTS: 5,
    Pool.COPIES: 5,
    Pool.BACKUPS: 14,
}
"""How much further a pool's threads do. Not more, or what else the worker does would wait for threads that hold the
interpreter and get no processor."""
POOL_THREADS: dict[Pool, int] = {
    Pool.IMAGES: 2,
    Pool.DELIVERIES: 6,
    Pool.DOCUMENTS: 1,
    Pool.SIGNATURES: 2,
    Pool.EXPORTS: 1,
    Pool.BACKUPS: 1,
    Pool.COPIES: 1,
}
POOL_REST: dict[Pool, float] = {Pool.SIGNATURES: 1.0}
"""How long a pool's threads rest after a job, measured by what the job took: nobody waits for the last report of a
hundred as somebody does for a list. What signing leads to comes no faster either."""
LONGEST_REST_SECONDS = 2.0
"""A token or a time stamp that lets itself be waited for burdens nobody."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """What a kind of job does, and how it is treated when it fails.

    An exception of ``run`` means: again after a delay that doubles from ``first_retry_seconds`` to
    ``longest_retry_seconds``; :class:`ris_core.jobs.rules.NotWorthRepeating` means dead at once.
    """

    name: str
    run: Callable[[str], None]
    """Called with the subject's id as text; returning means done."""
    pool: Pool
    time_limit_seconds: float = 120.0
    first_retry_seconds: float = 1.0
    longest_retry_seconds: float = 600.0
    after_death: Callable[[str, str], None] | None = None
    """Called with the subject's id and the last error, in the transaction that records the death."""
    every_seconds: Callable[[Settings], float] | None = None
    """For periodic duties, which also run when a worker starts and are never given up: the pause between two runs."""


JOB_KINDS: tuple[JobKind, ...] = (
    JobKind("render_document", documents.run_render_document, Pool.DOCUMENTS, after_death=documents.after_render_died),
    JobKind("store_document", documents.run_store_document, Pool.IMAGES),
    JobKind(ARRANGE_JOB, in_study.run_arrange_report, Pool.DOCUMENTS),
    JobKind(
        signing_credentials.JOB_KIND,
        signing.run_sign_report,
        Pool.SIGNATURES,
        first_retry_seconds=2.0,
        longest_retry_seconds=300.0,
        after_death=signing.after_sign_died,
    ),
    JobKind(signed_keeping.STORE_JOB, signed_storing.run_store_signed, Pool.IMAGES),
    JobKind("forget_unlocked", signing_credentials.forget_expired, Pool.IMAGES, every_seconds=lambda _: 60.0),
    JobKind("store_key_object", key_images.run_store_key_object, Pool.IMAGES),
    JobKind("deliver", sending.run_deliver, Pool.DELIVERIES, after_death=sending.after_delivery_job_died),
    JobKind("notify", notifications.run_notify, Pool.DELIVERIES, after_death=notifications.after_notify_job_died),
    JobKind(
        share_telling.JOB_KIND,
        share_telling.run_tell_share,
        Pool.DELIVERIES,
        after_death=share_telling.after_tell_share_died,
    ),
    JobKind(
        referrer_telling.JOB_KIND,
        referrer_telling.run_tell_referrer,
        Pool.DELIVERIES,
        after_death=referrer_telling.after_tell_referrer_died,
    ),
    JobKind(
        portal_telling.JOB_KIND,
        portal_telling.run_send_code,
        Pool.DELIVERIES,
        after_death=portal_telling.after_send_code_died,
    ),
    JobKind(
        COPY_JOB,
        share_copying.run_copy_for_share,
        Pool.COPIES,
        time_limit_seconds=3600.0,
        after_death=share_copying.after_copy_for_share_died,
    ),
    JobKind(REMOVE_JOB, share_copying.run_remove_share_copies, Pool.COPIES, time_limit_seconds=900.0),
    JobKind(
        TEACHING_JOB,
        teaching.run_make_teaching_pictures,
        Pool.COPIES,
        time_limit_seconds=3600.0,
        after_death=teaching.after_make_teaching_pictures_died,
    ),
    JobKind("remove_ended_copies", share_copying.remove_ended_copies, Pool.IMAGES, every_seconds=lambda _: 300.0),
    JobKind("study_arrived", studies.study_arrived, Pool.IMAGES),
    JobKind("study_keeps_arriving", studies.study_keeps_arriving, Pool.IMAGES),
    JobKind("study_stable", studies.study_stable, Pool.IMAGES),
    JobKind("compare_images", studies.compare_images, Pool.IMAGES, time_limit_seconds=900.0),
    JobKind("check_images", completeness.run_check_images, Pool.IMAGES),
    JobKind(
        "correct_study",
        studies.correct_study,
        Pool.IMAGES,
        time_limit_seconds=3600.0,
        after_death=studies.after_correction_died,
    ),
    JobKind("tell_of_kept_copy", kept_copies.run_tell_of_kept_copy, Pool.IMAGES),
    JobKind("keep_rejection_note", rejection_notes.keep_rejection_note, Pool.IMAGES, time_limit_seconds=900.0),
    JobKind(
        "sweep_studies",
        studies.sweep_studies,
        Pool.IMAGES,
        time_limit_seconds=900.0,
        every_seconds=lambda settings: settings.mapping.sweep_interval_seconds,
    ),
    JobKind(doses.JOB_KIND, doses.run_read_dose, Pool.IMAGES),
    JobKind(critical_results.JOB_KIND, critical_results.run_escalate, Pool.IMAGES),
    JobKind(
        "look_up_directories",
        directories.look_up_all_again,
        Pool.DELIVERIES,
        time_limit_seconds=900.0,
        every_seconds=directories.seconds_between_look_ups,
    ),
    JobKind(settling.JOB_KIND, settling.run_settle_urgency, Pool.IMAGES),
    JobKind("release_idle_readings", duties.release_idle_readings, Pool.IMAGES, every_seconds=lambda _: 60.0),
    JobKind("forget_draft_states", duties.forget_draft_states, Pool.IMAGES, every_seconds=lambda _: 3600.0),
    JobKind(
        "seal_audit",
        audit_sealing.run_seal_audit,
        Pool.IMAGES,
        time_limit_seconds=600.0,
        longest_retry_seconds=30.0,
        every_seconds=lambda settings: settings.audit.seal_seconds,
    ),
    JobKind(
        "forward_audit",
        audit_forwarding.run_forward_audit,
        Pool.DELIVERIES,
        time_limit_seconds=900.0,
        longest_retry_seconds=60.0,
        every_seconds=lambda settings: settings.audit.seal_seconds if settings.audit.syslog_host else 3600.0,
    ),
    JobKind("watch_audit", audit_alerts.run_watch_audit, Pool.IMAGES, every_seconds=lambda _: 60.0),
    JobKind(
        "export_audit",
        audit_files.run_export_audit,
        Pool.DOCUMENTS,
        time_limit_seconds=3600.0,
        every_seconds=lambda settings: min(settings.audit.export_hours, 1.0) * 3600.0,
    ),
    JobKind("forget_ended_grants", forget_ended_grants, Pool.IMAGES, every_seconds=lambda _: 900.0),
    JobKind(
        register_exports.JOB_KIND,
        register_exports.run_export_register,
        Pool.DOCUMENTS,
        time_limit_seconds=1800.0,
        after_death=register_exports.after_export_died,
    ),
    JobKind(
        "forget_register_exports",
        register_exports.forget_register_exports,
        Pool.IMAGES,
        every_seconds=lambda _: 3600.0,
    ),
    JobKind(
        export_services.JOB_KIND,
        exports.run_make_export,
        Pool.EXPORTS,
        time_limit_seconds=4 * 3600.0,
        longest_retry_seconds=60.0,
        after_death=exports.after_export_died,
    ),
    JobKind(
        import_services.SCAN_JOB,
        scanning.run_scan_import,
        Pool.EXPORTS,
        time_limit_seconds=4 * 3600.0,
        longest_retry_seconds=60.0,
        after_death=scanning.after_import_died,
    ),
    JobKind(
        import_services.STORE_JOB,
        storing.run_store_import,
        Pool.EXPORTS,
        time_limit_seconds=4 * 3600.0,
        after_death=scanning.after_import_died,
    ),
    JobKind("forget_imports", storing.forget_imports, Pool.IMAGES, every_seconds=lambda _: 3600.0),
    JobKind("forget_exports", export_services.forget_exports, Pool.IMAGES, every_seconds=lambda _: 600.0),
    JobKind(sealing_rotation.JOB_KIND, sealing_rotation.run_reseal, Pool.BACKUPS, time_limit_seconds=86_400.0),
    JobKind(
        "backup",
        backups.run_backup,
        Pool.BACKUPS,
        time_limit_seconds=7 * 86_400.0,
        longest_retry_seconds=300.0,
        every_seconds=backups.seconds_between_looks,
    ),
    JobKind("purge_changes", duties.purge_changes, Pool.IMAGES, every_seconds=lambda _: 300.0),
    JobKind("purge_done_jobs", duties.purge_done_jobs, Pool.IMAGES, every_seconds=lambda _: 900.0),
)
