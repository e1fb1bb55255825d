"""Statistics: output, turnaround times, images linked or not, and the register; each as table, some as chart, all as
Excel."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.statistics import output
from ris_core.statistics import register as register_lines
from ris_core.statistics.exports import LINES_AT_ONCE, ask_for_register, exports_of, take_register
from ris_core.statistics.register_sheet import shown_date
from ris_core.statistics.turnaround import stages
from ris_core.statistics.workbook import write_workbook
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.statistics.charts import HEIGHT, WIDTH, days_chart, in_words, stage_chart
from ris_webapp.screens.statistics.sheets import EXPORTS, register_wording
from ris_webapp.screens.statistics.wanted import Wanted
from ris_webapp.screens.statistics.words import STAGES

PAGE_SIZE = 100
MOST_EXPORTS = 5


@requires(Function.VIEW_STATISTICS)
@require_GET
def overview(request: UserRequest) -> HttpResponse:
    """Exams by day, service, department and kind of device."""
    wanted = Wanted.of(request.GET.dict())
    context = {
        "total": output.total(wanted.period),
        "services": output.by_service(wanted.period),
        "departments": output.by_department(wanted.period),
        "modalities": output.by_modality(wanted.period),
        "bars": days_chart(wanted.period, output.by_day(wanted.period)),
    }
    return _page(request, "overview", wanted, context)


@requires(Function.VIEW_STATISTICS)
@require_GET
def turnaround(request: UserRequest) -> HttpResponse:
    """How long exams take from step to step, as figures and as distribution."""
    wanted = Wanted.of(request.GET.dict())
    shown = [(stage, STAGES[stage.name], stage_chart(stage)) for stage in stages(wanted.period)]
    return _page(request, "turnaround", wanted, {"stages": shown, "in_words": in_words})


@requires(Function.VIEW_STATISTICS)
@require_GET
def images(request: UserRequest) -> HttpResponse:
    """Studies that came, linked to an order or not."""
    wanted = Wanted.of(request.GET.dict())
    return _page(request, "images", wanted, {"rows": output.images_received(wanted.period)})


@requires(Function.VIEW_STATISTICS)
@require_GET
def register(request: UserRequest) -> HttpResponse:
    """The register, page by page."""
    wanted = Wanted.of(request.GET.dict())
    number = max(1, min(whole_number(request.GET.get("page", "")) or 1, 1000))
    count = register_lines.line_count(wanted.period, request.user)
    first = (number - 1) * PAGE_SIZE
    record(actor_of(request), "statistics.register_viewed", subject="statistics:register", page=number)
    exports = exports_of(request.user.pk)
    ready = set(exports.filter(content__isnull=False).values_list("pk", flat=True))
    context = {
        "lines": list(enumerate(register_lines.lines(wanted.period, first, PAGE_SIZE, request.user), start=first + 1)),
        "count": count,
        "page": number,
        "has_next": first + PAGE_SIZE < count,
        "shown_date": shown_date,
        "most": register_lines.MOST_LINES,
        "exports": [(each, each.pk in ready) for each in exports[:MOST_EXPORTS]],
    }
    return _page(request, "register", wanted, context)


@requires(Function.VIEW_STATISTICS)
@require_GET
def export(request: UserRequest) -> HttpResponseBase:
    """The tables of a page as an Excel workbook; who took which is written down."""
    name = request.GET.get("of", "")
    if name not in EXPORTS:
        raise NotFound("there is no such table", field="of")
    wanted = Wanted.of(request.GET.dict())
    period = wanted.period
    if name == "register" and register_lines.line_count(period) > LINES_AT_ONCE:
        ask_for_register(period, register_wording(period), actor_of(request))
        messages.info(request, _("Sổ dài đang được viết; tải về ở trang này khi xong."))
        return HttpResponseRedirect(reverse("statistics:register") + wanted.query())
    record(
        actor_of(request), "statistics.exported", subject=f"statistics:{name}", first=period.first.isoformat(),
        last=period.last.isoformat(),
    )  # fmt: skip
    file = TemporaryFile()  # noqa: SIM115 - closed by the answer when it has been sent
    write_workbook(file, EXPORTS[name](period, request.user), ZoneInfo(settings.QUANG.site.time_zone))
    file.seek(0)
    return _workbook(file, name, period.first, period.last)


@requires(Function.VIEW_STATISTICS)
@require_GET
def take(request: UserRequest, export_id: int) -> HttpResponseBase:
    """A long register that the worker has written for this user."""
    export = take_register(export_id, actor_of(request))
    return _workbook(BytesIO(bytes(export.content or b"")), "register", export.first, export.last)


def _workbook(file: IO[bytes], name: str, first: date, last: date) -> FileResponse:
    filename = f"{name}-{first:%Y%m%d}-{last:%Y%m%d}.xlsx"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = FileResponse(file, as_attachment=True, filename=filename, content_type=kind)
    response["Cache-Control"] = "no-store"
    return response


def _page(request: UserRequest, name: str, wanted: Wanted, context: dict[str, object]) -> HttpResponse:
    common = {
        "view": name, "wanted": wanted, "period": wanted.period, "all_departments": output.departments(),
        "chart": {"width": WIDTH, "height": HEIGHT},
    }  # fmt: skip
    return render(request, f"statistics/{name}.html", {**common, **context})
