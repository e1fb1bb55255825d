"""Registers of many lines: asked for here, written by the worker, taken when they are ready."""

from __future__ import annotations

from datetime import timedelta
from tempfile import TemporaryFile
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import NotFound, NotPermitted
from ris_core.jobs.services import enqueue
from ris_core.statistics.models import RegisterExport
from ris_core.statistics.period import Period
from ris_core.statistics.register import line_count
from ris_core.statistics.register_sheet import Wording, register_sheet
from ris_core.statistics.workbook import write_workbook

JOB_KIND: Final = "export_register"
LINES_AT_ONCE: Final = 3000
"""So many are written while somebody waits: in less than a second; 5,000 took 1.2 s on a machine that was busy."""
KEPT: Final = timedelta(hours=24)


@transaction.atomic
def ask_for_register(period: Period, wording: Wording, actor: Actor) -> RegisterExport:
    """Have the register of a period written. Asking again while it is being written changes nothing.

    :raises NotPermitted: nobody asks
    """
    if actor.user_id is None:
        raise NotPermitted("only a person asks for a register", field="actor")
    wanted = {
        "first": period.first,
        "last": period.last,
        "department": period.department,
        "modality": period.modality,
        "service_code": period.service_code,
    }
    waiting = exports_of(actor.user_id).filter(**wanted, content__isnull=True, failed=False).first()
    if waiting is not None:
        return waiting
    export = RegisterExport.objects.create(
        **wanted, asked_by_id=actor.user_id, asked_at=timezone.now(), wording=wording.as_json(),
        line_count=line_count(period),
    )  # fmt: skip
    enqueue(JOB_KIND, export.pk, max_attempts=3)
    record(
        actor, "statistics.exported", subject="statistics:register", first=period.first.isoformat(),
        last=period.last.isoformat(), export=export.pk,
    )  # fmt: skip
    return export


def exports_of(user_id: int) -> QuerySet[RegisterExport]:
    """A person's, the newest first, without the files."""
    kept = RegisterExport.objects.filter(asked_by_id=user_id, asked_at__gt=timezone.now() - KEPT)
    return kept.defer("content", "wording").order_by("-asked_at", "-pk")


@transaction.atomic
def take_register(export_id: int, actor: Actor) -> RegisterExport:
    """A register that is ready, with its file; that it was taken is written down.

    :raises NotFound: it is another person's, not ready or gone
    """
    export = exports_of(actor.user_id or 0).filter(pk=export_id, content__isnull=False).defer(None).first()
    if export is None:
        raise NotFound("there is no such register", field="export")
    record(actor, "statistics.taken", subject="statistics:register", export=export.pk)
    return export


def run_export_register(subject_id: str) -> None:
    """The job ``export_register``. One that is there or gone is not made again."""
    export = RegisterExport.objects.select_related("asked_by").filter(pk=int(subject_id), content__isnull=True).first()
    if export is None:
        return
    zone = ZoneInfo(settings.QUANG.site.time_zone)
    period = Period(export.first, export.last, zone, export.department, export.modality, export.service_code)
    with TemporaryFile() as file:
        write_workbook(file, [register_sheet(period, Wording(**export.wording), export.asked_by)], zone)
        file.seek(0)
        RegisterExport.objects.filter(pk=export.pk).update(content=file.read(), failed=False)
    announce("export", export.pk)


def after_export_died(subject_id: str, _error: str) -> None:
    """Whoever asked is told on the page."""
    RegisterExport.objects.filter(pk=int(subject_id), content__isnull=True).update(failed=True)
    announce("export", int(subject_id))


def forget_register_exports(_subject_id: str) -> None:
    """Delete those that have been kept for a day: they are full of patients."""
    RegisterExport.objects.filter(asked_at__lte=timezone.now() - KEPT).delete()
