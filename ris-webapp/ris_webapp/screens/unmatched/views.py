"""The queue of studies that belong to nobody yet: why, the evidence, the likely order, a way back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, QuangError, TransitionRefused
from ris_core.orders.errors import OrderExists, OrderRefused
from ris_core.studies import resolving, services
from ris_core.studies.models import QUEUE_STATES, Study
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number, whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.studies.copies import studies_with_copies
from ris_webapp.screens.unmatched import evidence, reasons
from ris_webapp.screens.unmatched.forms import OrderForm, prefilled, services_for
from ris_webapp.screens.unmatched.inbox import AGES, BOXES, Wanted, inbox
from ris_webapp.searched import note_search

MOST_AT_ONCE = 50
"""Studies that one press links; each is a transaction of its own."""


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def queue(request: UserRequest) -> HttpResponse:
    """The inbox; ``?open=`` shows one study beside it, without it the first."""
    return _page(request, Wanted.of(request.GET.dict()))


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def study(request: UserRequest, study_id: int) -> HttpResponse:
    """The address of one study that waits."""
    _waiting(study_id)
    return HttpResponseRedirect(reverse("unmatched:queue") + f"?open={study_id}")


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def orders(request: UserRequest, study_id: int) -> HttpResponse:
    """Orders that a search finds, each beside the study; what the rules found when nothing is searched for."""
    waiting = _waiting(study_id)
    query = " ".join(request.GET.get("q", "").split())[:100]
    found = evidence.searched(waiting, query, request.user) if query else evidence.opened(waiting).possibilities
    note_search(request, "order.searched", query)
    context = {
        "study": waiting,
        "possibilities": found,
        "query": query,
        "reasons": reasons,
        "wanted": Wanted.of(request.GET.dict()),
    }
    return render(request, "unmatched/possibilities.html", context)


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def link(request: UserRequest, study_id: int) -> HttpResponse:
    """Link the study, and others that were checked, to the chosen order; what contradicts is refused by the domain."""
    procedure_id = _procedure(request)
    reason = request.POST.get("reason", "").strip()[:255]
    others = [pk for pk in whole_numbers(request.POST.getlist("study"))[:MOST_AT_ONCE] if pk != study_id]
    made = services.link_study(study_id, procedure_id, actor=actor_of(request), reason=reason)
    done, refused = 1, 0
    for other in others:
        try:
            services.link_study(other, procedure_id, actor=actor_of(request), reason=reason)
            done += 1
        except (IdentityConflict, InvalidValue, NotFound, TransitionRefused):
            refused += 1
    patient = made.procedure.patient.full_name
    messages.success(
        request,
        ngettext(
            "Đã khớp %(count)s lần chụp với phiếu của %(patient)s.",
            "Đã khớp %(count)s lần chụp với phiếu của %(patient)s.",
            done,
        )
        % {"count": done, "patient": patient},
    )
    if refused:
        messages.warning(
            request,
            ngettext(
                "%(count)s lần chụp không khớp được với phiếu này; hãy mở từng lần để xem.",
                "%(count)s lần chụp không khớp được với phiếu này; hãy mở từng lần để xem.",
                refused,
            )
            % {"count": refused},
        )
    return _back(request, after=study_id)


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def reject(request: UserRequest, study_id: int) -> HttpResponse:
    """The study is not of this order."""
    resolving.reject_candidate(study_id, _procedure(request), actor_of(request))
    messages.success(request, _("Phiếu này sẽ không được gợi ý cho lần chụp này nữa."))
    return _back(request)


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def withdraw(request: UserRequest, rejection_id: int) -> HttpResponse:
    """The order may be suggested again."""
    resolving.withdraw_rejection(rejection_id, actor_of(request))
    return _back(request)


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def undo(request: UserRequest, study_link_id: int) -> HttpResponse:
    """Take back a link made a moment ago."""
    reason = request.POST.get("why", "").strip() or "undone by the person who linked it"
    services.undo_link(study_link_id, actor_of(request), reason[:255])
    messages.success(request, _("Đã gỡ khớp; ảnh lại nằm trong hàng đợi."))
    return _back(request)


@requires(Function.RESOLVE_UNMATCHED)
@require_http_methods(["GET", "POST"])
def new_order(request: UserRequest, study_id: int) -> HttpResponse:
    """Make the order that the images lack: a prefilled form, then the order and the link in one step."""
    waiting = _waiting(study_id)
    form = OrderForm(request.POST) if request.method == "POST" else prefilled(waiting)
    if request.method == "POST" and form.is_valid():
        try:
            made = resolving.place_order_for_study(study_id, form.order_for(waiting), actor_of(request))
        except (InvalidValue, IdentityConflict, OrderExists, OrderRefused) as error:
            form.add_error(_field_of(error, form), _refusal(error))
        else:
            patient = made.procedure.patient.full_name
            messages.success(request, _("Đã tạo phiếu và khớp ảnh của %(patient)s.") % {"patient": patient})
            return HttpResponseRedirect(reverse("unmatched:queue"))
    context = {"study": waiting, "form": form, "services": services_for(waiting), "reasons": reasons}
    return render(request, "unmatched/new_order.html", context, status=422 if form.errors else 200)


def _field_of(error: QuangError, form: OrderForm) -> str | None:
    name = str(error.field or "")
    return {"patient": "patient_number", "PatientID": "patient_number", "PID-3": "patient_number"}.get(
        name, name if name in form.fields else None
    )


def _refusal(error: QuangError) -> str:
    if isinstance(error, IdentityConflict):
        return _("Mã này là của người khác, hoặc ảnh mâu thuẫn với thông tin đã ghi. Hãy kiểm tra lại.")
    return _("Giá trị này không dùng được: %(detail)s") % {"detail": error.detail}


def _page(request: UserRequest, wanted: Wanted) -> HttpResponse:
    found = inbox(wanted)
    waiting = Study.objects.filter(pk=wanted.opened, state__in=QUEUE_STATES).first() if wanted.opened else None
    if waiting is None and found.studies:
        waiting = Study.objects.filter(pk=found.studies[0].pk).first()
    if waiting is not None:
        record(actor_of(request), "study.viewed", subject=f"study:{waiting.pk}")
    context = {
        "inbox": found,
        "wanted": wanted,
        "boxes": BOXES,
        "ages": [(name, label) for name, (label, _from, _until) in AGES.items()],
        "opened": evidence.opened(waiting) if waiting else None,
        "undoable": evidence.undoable(request.user.pk),
        "with_copies": studies_with_copies() if may(request.user.role, Function.MANAGE_STUDIES) else [],
        "query": "",
        "reasons": reasons,
    }
    return render(request, "unmatched/unmatched.html", context)


def _procedure(request: HttpRequest) -> int:
    procedure_id = whole_number(request.POST.get("procedure", ""))
    if procedure_id is None:
        raise InvalidValue("no order chosen", field="procedure")
    return procedure_id


def _back(request: HttpRequest, after: int | None = None) -> HttpResponse:
    """To the queue as it was filtered; after a study that has left it, to the one beside it."""
    wanted = Wanted.of(request.POST.dict())
    opened = wanted.opened
    if after is not None:
        beside = whole_number(request.POST.get("beside", ""))
        opened = beside if beside != after else None
    return HttpResponseRedirect(reverse("unmatched:queue") + wanted.address(open=opened))


def _waiting(study_id: int) -> Study:
    """:raises NotFound: the study waits no more (somebody else has linked it)"""
    found = Study.objects.filter(pk=study_id, state__in=QUEUE_STATES).first()
    if found is None:
        raise NotFound("the study does not wait any more", field="study")
    return found
