"""The access log: who saw and did what, whose data it was; who saw one patient; alerts and their rules (P3, P16)."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min
from django.http import FileResponse, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.audit.alerts import OPENING, open_alerts, rules, save_rule, settle_alert
from ris_core.audit.files import line_of
from ris_core.audit.models import AccessAlert, AuditEvent, AuditForwarding
from ris_core.audit.sealing import facts_of
from ris_core.audit.services import record
from ris_core.patients.models import Patient
from ris_core.statistics.workbook import Cell, Sheet, write_workbook
from ris_webapp.audit_words import ACTIONS
from ris_webapp.client import actor_of
from ris_webapp.jinja import word
from ris_webapp.numbers import whole_number, whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.access_log.wanted import PAGE_ROWS, PERIODS, Wanted, page_of, with_merged
from ris_webapp.screens.access_log.words import FORMULAS, KINDS, PERIOD_LABELS
from ris_webapp.screens.patients.record import patient_or_refuse
from ris_webapp.searched import kept_words

SEEING = (
    *OPENING, "api.read", "delivery.viewed", "message.viewed", "notification.viewed", "prior.compared",
    "study.copy_downloaded", "slip.shown", "label.printed",
)  # fmt: skip
"""Actions by which somebody, or a program, has got a patient's data; those of programs raise no alert."""
MOST_SHEET_ROWS = 50_000
MOST_LINES = 1_000_000
ALERTS_SHOWN = 50
LATEST_SETTLED = 50
MOST_MINUTES = 1_440
MOST_THRESHOLD = 100_000


@requires(Function.VIEW_AUDIT)
@require_GET
def log(request: UserRequest) -> HttpResponse:
    """Events that fit, the newest first. Looking is itself recorded."""
    wanted = Wanted.of(request.GET.dict())
    patient_ids = wanted.patient_ids()
    page = page_of(wanted.events(patient_ids), wanted.before)
    if not wanted.before:
        _note(request, wanted, "audit.searched")
    context = {
        "wanted": wanted,
        "page": page,
        "actions": sorted(((action, str(label)) for action, label in ACTIONS.items()), key=lambda pair: pair[1]),
        "periods": PERIOD_LABELS,
        "kinds": KINDS,
        "names": dict(User.objects.filter(pk__in={row.user_id for row in page.rows}).values_list("pk", "full_name")),
        "alerts": open_alerts().count(),
        "page_rows": PAGE_ROWS,
    }
    return render(request, "access_log/log.html", context)


@requires(Function.VIEW_AUDIT)
@require_GET
def export(request: UserRequest) -> HttpResponseBase:
    """What fits as an Excel workbook, or as lines of JSON with each event's hash (``?form=jsonl``)."""
    wanted = Wanted.of(request.GET.dict())
    events = wanted.events(wanted.patient_ids())
    as_lines = request.GET.get("form") == "jsonl"
    _note(request, wanted, "audit.exported")
    if as_lines:
        sealed = events.filter(sequence__isnull=False)[:MOST_LINES]
        lines = (line_of(facts_of(event)) for event in sealed.iterator(chunk_size=2_000))
        answer = StreamingHttpResponse(lines, content_type="application/jsonl; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="access-log.jsonl"'
        return answer
    file = TemporaryFile()  # noqa: SIM115 - closed by the answer when it has been sent
    columns = [
        _("Lúc"), _("Ai"), _("Họ tên"), _("Vai trò"), _("Việc"), _("Của"), _("Người bệnh"),
        _("Kết quả"), _("Từ"), _("Lý do"),
    ]  # fmt: skip
    rows = _cells(events.select_related("user", "patient")[:MOST_SHEET_ROWS].iterator(chunk_size=2_000))
    title = _("Nhật ký truy cập")
    sheet = Sheet(title, title, columns, rows, [18, 16, 24, 16, 32, 18, 28, 12, 16, 40])
    write_workbook(file, [sheet], ZoneInfo(settings.QUANG.site.time_zone))
    file.seek(0)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FileResponse(file, as_attachment=True, filename="access-log.xlsx", content_type=kind)


@requires(Function.VIEW_AUDIT)
@require_GET
def viewers(request: UserRequest, patient_id: int) -> HttpResponse:
    """Who has seen one patient's data: each with how often, first and last."""
    patient = patient_or_refuse(patient_id)
    record(actor_of(request), "audit.viewers_viewed", subject=f"patient:{patient.pk}", patient_id=patient.pk)
    seen = AuditEvent.objects.filter(patient_id__in=with_merged([patient.pk]), action__in=SEEING, success=True)
    people = seen.values("kind", "actor", "user_id", "user__full_name", "role")
    rows = people.annotate(times=Count("pk"), first=Min("at"), last=Max("at")).order_by("-last")
    context = {"patient": patient, "rows": list(rows[:1_000]), "kinds": KINDS}
    return render(request, "access_log/viewers.html", context)


@requires(Function.VIEW_AUDIT)
@require_GET
def alerts(request: UserRequest) -> HttpResponse:
    """Alerts that wait for somebody, those settled last, and the rules."""
    settled = AccessAlert.objects.filter(settled_at__isnull=False).select_related("rule", "settled_by")
    page = Paginator(open_alerts(), ALERTS_SHOWN).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "alerts": page.object_list,
        "settled": settled.order_by("-settled_at")[:LATEST_SETTLED],
        "rules": rules(),
        "formulas": FORMULAS,
        "forwarding": AuditForwarding.objects.filter(failing_since__isnull=False),
    }
    return render(request, "access_log/alerts.html", context)


@requires(Function.VIEW_AUDIT)
@require_POST
def settle(request: UserRequest, alert_id: int) -> HttpResponse:
    """Say what an alert was."""
    settle_alert(alert_id, request.POST.get("reason", ""), actor_of(request))
    messages.success(request, _("Đã ghi nhận cảnh báo."))
    return HttpResponseRedirect(reverse("access_log:alerts"))


@requires(Function.ADMINISTER)
@require_POST
def rule(request: UserRequest, rule_id: int) -> HttpResponse:
    """Change a rule; what cannot be read stays within its bounds."""
    save_rule(
        rule_id,
        actor_of(request),
        threshold=max(1, min(whole_number(request.POST.get("threshold", "")) or 1, MOST_THRESHOLD)),
        minutes=max(1, min(whole_number(request.POST.get("minutes", "")) or 60, MOST_MINUTES)),
        active="active" in request.POST,
        patients=whole_numbers(request.POST.get("patients", "").replace("#", "").split())[:500],
    )
    messages.success(request, _("Đã lưu quy tắc cảnh báo."))
    return HttpResponseRedirect(reverse("access_log:alerts"))


def _note(request: UserRequest, wanted: Wanted, action: str) -> None:
    """Who looked for what in the log itself; whose data when it was one patient's."""
    key = whole_number(wanted.patient.removeprefix("#")) if wanted.patient.startswith("#") else None
    patient = Patient.objects.filter(pk=key).values_list("pk", flat=True).first() if key is not None else None
    record(
        actor_of(request), action, subject="audit", patient_id=patient, of=wanted.actor, action_of=wanted.action,
        words=kept_words(wanted.patient) if wanted.patient else "", days=wanted.days,
    )  # fmt: skip


def _cells(events: Iterator[AuditEvent]) -> Iterator[tuple[Cell, ...]]:
    for event in events:
        yield (
            event.at,
            event.actor,
            event.user.full_name if event.user else "",
            word("role", event.role) if event.role else "",
            word("action", event.action),
            event.subject,
            event.patient.full_name if event.patient else "",
            _("xong") if event.success else _("không được"),
            event.address,
            event.reason,
        )


assert set(PERIODS) == set(PERIOD_LABELS)  # noqa: S101 - each period has its label
