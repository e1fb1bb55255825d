"""Backups by themselves: when one is due, which are kept, and whether somebody must look."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from django.conf import settings as django_settings
from django.db import DatabaseError
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.backups.making import Made, forget_old, make_backup
from ris_core.backups.models import BackupRun
from ris_core.errors import QuangError

log = logging.getLogger(__name__)

BackupState = Literal["off", "ok", "late"]
_WORKER: Final = Actor("worker")
_LOOKED_FOR_SECONDS: Final = 300.0
_UNDER_WAY: Final = timedelta(hours=24)


def seconds_between_looks(_settings: object) -> float:
    """How often it is looked whether one is due."""
    return _LOOKED_FOR_SECONDS


def run_backup(_subject_id: str) -> None:
    """The periodic job ``backup``: make one if it is time."""
    backup = django_settings.QUANG.backup
    if not backup.folder or not _is_due(backup.every_hours):
        return
    made_now(Path(backup.folder), _WORKER, keep=backup.keep)


def made_now(folder: Path, actor: Actor, *, keep: int | None = None) -> Made:
    """Make a backup and keep a record of it.

    :param keep: older ones than so many go when it has succeeded; None: all stay
    :raises QuangError, OSError, DatabaseError: it failed; that is recorded too
    """
    run = BackupRun.objects.create(started_at=timezone.now())
    try:
        made = make_backup(folder)
    except (QuangError, OSError, DatabaseError) as error:
        reason = str(error)[:255]
        BackupRun.objects.filter(pk=run.pk).update(finished_at=timezone.now(), error=reason)
        record(actor, "backup.failed", subject=f"backup:{run.pk}", success=False, reason=reason)
        log.error("backup: failed: %s", reason)
        raise
    BackupRun.objects.filter(pk=run.pk).update(
        finished_at=timezone.now(), file=made.path.name, size=made.size, images=made.images
    )
    gone = forget_old(folder, keep) if keep else []
    record(actor, "backup.made", subject=f"backup:{run.pk}", size=made.size, images=made.images, deleted=gone)
    return made


def _is_due(every_hours: float) -> bool:
    now = timezone.now()
    newest = BackupRun.objects.exclude(file="").order_by("-started_at").first()
    if newest is not None and now - newest.started_at < timedelta(hours=every_hours):
        return False
    # one that fails is tried again with a pause, not at every look
    tried = BackupRun.objects.filter(file="", started_at__gte=now - timedelta(hours=min(1.0, every_hours)))
    return not tried.exists()


def state() -> BackupState:
    """``off``: none are scheduled. ``late``: the last one failed, or none has been made for twice the time it takes."""
    backup = django_settings.QUANG.backup
    if not backup.folder:
        return "off"
    last = BackupRun.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    if last is None:  # a new site has until the first is due
        begun = BackupRun.objects.order_by("started_at").first()
        return "late" if begun is not None and timezone.now() - begun.started_at > _UNDER_WAY else "ok"
    overdue = timezone.now() - last.started_at > 2 * timedelta(hours=backup.every_hours)
    return "late" if overdue or not last.file else "ok"
