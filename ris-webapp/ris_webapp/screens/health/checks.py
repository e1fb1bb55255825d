"""What the web app can say of the suite's health: its database, the engine, the worker, the gate before the
engine's DICOM port, the service that devices report to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from ris_core.backups import schedule as backups
from ris_core.backups.schedule import BackupState
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError
from ris_core.errors import SettingsInvalid
from ris_core.jobs.models import WorkerHeartbeat

ENGINE_FRESH_SECONDS = 5.0
ENGINE_TIMEOUT_SECONDS = 3.0
SILENT_SECONDS = 60.0
"""After which a process that says nothing is taken to be away."""

_engine_lock = threading.Lock()
_engine_answer: tuple[float, bool] = (0.0, False)


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the parts; the web app itself works when its database does."""

    database: bool
    engine: bool
    worker_age_seconds: float | None
    """Since the newest heartbeat of a worker; none when no worker has ever run."""
    mpps_age_seconds: float | None
    """The same of the service for performed procedure steps."""

    gate: bool | None
    """Whether devices' associations are taken; none where there is no gate before the engine."""

    backup: BackupState
    """Whether scheduled backups are made: ``off``, ``ok`` or ``late``."""

    @property
    def worker(self) -> bool:
        return _is_fresh(self.worker_age_seconds)

    @property
    def mpps(self) -> bool:
        return _is_fresh(self.mpps_age_seconds)

    @property
    def status(self) -> str:
        """``ok``, ``degraded`` (the web app works, another part does not), or ``failed``."""
        if not self.database:
            return "failed"
        well = self.engine and self.worker and self.mpps and self.gate is not False and self.backup != "late"
        return "ok" if well else "degraded"


def look() -> Health:
    """Ask every part now; the engine's answer may be five seconds old."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts = WorkerHeartbeat.Part
        worker, mpps, gate = (_age_seconds(part) for part in (parts.WORKER, parts.MPPS, parts.GATE))
        backup = backups.state()
    except DatabaseError:
        return Health(False, _engine_answers(), worker_age_seconds=None, mpps_age_seconds=None, gate=None, backup="off")
    return Health(
        True,
        _engine_answers(),
        worker_age_seconds=worker,
        mpps_age_seconds=mpps,
        gate=_is_fresh(gate) if settings.QUANG.automation.enabled else None,
        backup=backup,
    )


def _age_seconds(part: str) -> float | None:
    newest = WorkerHeartbeat.objects.filter(part=part).order_by("-at").values_list("at", flat=True).first()
    return (timezone.now() - newest).total_seconds() if newest else None


def _is_fresh(age_seconds: float | None) -> bool:
    return age_seconds is not None and age_seconds < SILENT_SECONDS


def _engine_answers() -> bool:
    global _engine_answer
    until, answer = _engine_answer
    if until > time.monotonic() or not _engine_lock.acquire(blocking=False):
        return answer
    try:
        with Engine.from_settings(settings.QUANG, "web", timeout_seconds=ENGINE_TIMEOUT_SECONDS) as engine:
            engine.system()
        answer = True
    except (EngineError, SettingsInvalid):
        answer = False
    finally:
        _engine_lock.release()
    _engine_answer = (time.monotonic() + ENGINE_FRESH_SECONDS, answer)
    return answer
