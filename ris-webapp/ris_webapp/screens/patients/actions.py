"""What people do to patients: correct, identify, merge and separate them, move a visit, decide about held updates."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue
from ris_core.identifiers import PatientIdentifier
from ris_core.messages import replaying
from ris_core.messages.models import MessageState
from ris_core.patients import identifiers, merging, visits
from ris_core.patients.corrections import edit_patient
from ris_core.patients.identifier_kinds import NATIONAL_ISSUER
from ris_core.patients.models import PatientIdentifier as IdentifierRow
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.patients.finding import found
from ris_webapp.screens.patients.forms import PatientForm
from ris_webapp.screens.patients.held import refuse_unseen
from ris_webapp.screens.patients.record import patient_or_refuse, second_patient
from ris_webapp.screens.patients.views import patient_page

KINDS_TO_ADD = ("MR", "NI", "HC")


@requires(Function.MANAGE_PATIENTS)
@require_http_methods(["GET", "POST"])
def edit(request: UserRequest, patient_id: int) -> HttpResponse:
    """Correct who a patient is, with a reason; devices and readers learn of it at once."""
    patient = patient_or_refuse(patient_id)
    if request.method != "POST":
        return patient_page(request, patient, PatientForm.of(patient))
    form = PatientForm(request.POST)
    if form.is_valid():
        try:
            edit_patient(patient_id, actor_of(request), **form.cleaned_data)
        except InvalidValue as error:
            form.refuse(error)
    if form.errors:
        return patient_page(request, patient, form, status=422)
    messages.success(request, _("Đã lưu; danh sách chụp trên máy đã theo thông tin mới."))
    return _to(patient_id)


@requires(Function.MANAGE_PATIENTS)
@require_POST
def add_identifier(request: UserRequest, patient_id: int) -> HttpResponse:
    """Another identifier that recognises the patient."""
    kind = request.POST.get("kind", "")
    value = request.POST.get("value", "").strip()
    issuer = _issuer(patient_id) if kind == "MR" else NATIONAL_ISSUER
    if kind not in KINDS_TO_ADD or not value:
        messages.error(request, _("Chọn loại mã và ghi mã."))
        return _to(patient_id)
    identifiers.add_identifier(patient_id, PatientIdentifier(value, issuer, kind), actor_of(request))
    messages.success(request, _("Đã thêm mã."))
    return _to(patient_id)


@requires(Function.MANAGE_PATIENTS)
@require_POST
def retire_identifier(request: UserRequest, identifier_id: int) -> HttpResponse:
    """No longer sent to anybody; still recognises what comes late."""
    try:
        identifiers.retire_identifier(identifier_id, actor_of(request), reason=_reason(request))
        messages.success(request, _("Đã ngừng dùng mã; ảnh và chỉ định về muộn bằng mã này vẫn tìm đúng người."))
    except InvalidValue as error:
        _explain(request, error)
    return _back(request)


@requires(Function.MANAGE_PATIENTS)
@require_POST
def move_visit(request: UserRequest, visit_id: int) -> HttpResponse:
    """A visit goes to the patient whose identifier was typed, whole: a part of one might be somebody else's."""
    typed = request.POST.get("receiver", "").strip()[:100].casefold()
    people = [
        one for one in found(typed, request.user) if any(row.value.casefold() == typed for row in one.identifiers)
    ]
    if len(people) != 1 or not _reason(request):
        messages.error(request, _("Ghi đúng mã của một người bệnh và lý do chuyển."))
        return _back(request)
    visit = visits.move_visit(visit_id, people[0].patient.pk, actor_of(request), reason=_reason(request))
    messages.success(
        request,
        _("Đã chuyển lượt khám %(number)s cùng chỉ định và ảnh sang %(name)s.")
        % {"number": visit.visit_number, "name": people[0].patient.full_name},
    )
    return _to(people[0].patient.pk)


@requires(Function.MERGE_PATIENTS)
@require_POST
def merge(request: UserRequest, patient_id: int) -> HttpResponse:
    """``patient_id`` goes into the survivor that was chosen."""
    survivor_id = whole_number(request.POST.get("survivor", ""))
    if survivor_id is None:
        raise InvalidValue("no surviving record chosen", field="survivor")
    if not _reason(request):
        messages.error(request, _("Ghi lý do gộp."))
        return HttpResponseRedirect(
            reverse("patients:compare", args=[patient_id]) + f"?other={survivor_id}&keep={survivor_id}"
        )
    second_patient(survivor_id, request.user)
    merging.merge_patients(patient_id, survivor_id, actor_of(request), reason=_reason(request))
    messages.success(request, _("Đã gộp hồ sơ; có thể hoàn tác ở mục Hồ sơ đã gộp."))
    return _to(survivor_id)


@requires(Function.MERGE_PATIENTS)
@require_POST
def unmerge(request: UserRequest, merge_id: int) -> HttpResponse:
    """Everything that came with the merge goes back."""
    try:
        undone = merging.unmerge_patients(merge_id, actor_of(request), reason=_reason(request))
    except InvalidValue as error:
        _explain(request, error)
        return _back(request)
    messages.success(request, _("Đã tách hồ sơ; mọi thứ về lại như trước khi gộp."))
    return _to(undone.merged_id)


@requires(Function.MERGE_PATIENTS)
@require_POST
def apply_held(request: UserRequest, held_id: int) -> HttpResponse:
    """It is the same person: the held message is applied."""
    refuse_unseen(request.user, held_id)
    attempt = replaying.replay(held_id, actor_of(request), identity_confirmed=True)
    if attempt.state == MessageState.APPLIED:
        messages.success(request, _("Đã xác nhận vẫn là một người; cập nhật đã được thực hiện."))
    else:
        messages.error(request, _("Chưa thực hiện được: %(reason)s") % {"reason": attempt.error_detail})
    return HttpResponseRedirect(reverse("patients:held"))


@requires(Function.MERGE_PATIENTS)
@require_POST
def refuse_held(request: UserRequest, held_id: int) -> HttpResponse:
    """It is another person: nothing of the message is ever applied."""
    refuse_unseen(request.user, held_id)
    try:
        replaying.dismiss(held_id, actor_of(request), _reason(request))
        messages.success(request, _("Đã từ chối; hồ sơ giữ nguyên. Hãy báo nơi gửi sửa mã người bệnh."))
    except InvalidValue as error:
        _explain(request, error)
    return HttpResponseRedirect(reverse("patients:held"))


def _issuer(patient_id: int) -> str:
    """Who issues this patient's hospital numbers."""
    known = IdentifierRow.objects.filter(patient_id=patient_id, kind="MR").order_by("-is_primary", "pk")
    return known.values_list("issuer", flat=True).first() or ""


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:255]


def _explain(request: HttpRequest, error: InvalidValue) -> None:
    words = {
        "reason": _("Ghi lý do."),
        "identifier": _("Đây là mã duy nhất của người bệnh; hãy thêm mã đúng trước."),
    }
    messages.error(request, words.get(error.field, error.detail))


def _to(patient_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("patients:patient", args=[patient_id]))


def _back(request: HttpRequest) -> HttpResponse:
    patient_id = whole_number(request.POST.get("patient", ""))
    return _to(patient_id) if patient_id is not None else HttpResponseRedirect(reverse("patients:search"))
