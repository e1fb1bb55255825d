"""Senders and profiles: what there is, a profile's editor with its test bench and history, export and import."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.intake.identifier_meaning import Consequence, MeaningChanges
from ris_core.intake.models import ProfileVersion, Sender, SenderProfile
from ris_core.intake.profiles import (
    create_profile,
    differences,
    exported,
    import_profile,
    newest_version,
    restore_version,
    save_version,
)
from ris_core.intake.ready import ready_profiles
from ris_core.json_text import read_json
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.profiles.bench import stored_text
from ris_webapp.screens.profiles.consequences import consequence_text
from ris_webapp.screens.profiles.editing import Entered, default_of, entered, shown
from ris_webapp.screens.profiles.labels import IDENTIFIERS, NAME_ORDERS, PARTS, PLACES, RIGHTS, WORDS, label_of_path

MOST_FILE_BYTES = 1_000_000
MOST_VERSIONS_SHOWN = 50


@requires(Function.ADMINISTER)
@require_GET
def overview(request: UserRequest) -> HttpResponse:
    """All senders and all profiles."""
    profiles = SenderProfile.objects.annotate(
        number=Max("versions__number"), changed_at=Max("versions__created_at"), used=Count("senders", distinct=True)
    )
    context = {
        "senders": list(Sender.objects.select_related("profile").order_by("-active", "name")),
        "profiles": list(profiles.order_by("name")),
    }
    return render(request, "profiles/overview.html", context)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """A new profile, from a ready one or from nothing."""
    ready = {each.code: each for each in ready_profiles()}
    data = request.POST if request.method == "POST" else request.GET
    values = {name: data.get(name, "").strip() for name in ("name", "code", "ready")}
    errors: dict[str, str] = {}
    if request.method == "POST":
        content = ready[values["ready"]].content if values["ready"] in ready else {}
        try:
            profile = create_profile(values["code"], values["name"], content, actor_of(request))
        except InvalidValue as error:
            errors[error.field] = _PROBLEMS[error.field]()
        else:
            return HttpResponseRedirect(reverse("profiles:profile", args=(profile.pk,)))
    context = {"values": values, "errors": errors, "ready": ready_profiles()}
    return render(request, "profiles/new.html", context, status=422 if errors else 200)


_PROBLEMS = {
    "code": lambda: _("Mã gồm 1 đến 64 chữ thường không dấu, chữ số, gạch nối; chưa hồ sơ nào dùng."),
    "name": lambda: _("Hãy đặt tên cho hồ sơ."),
}


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def edit(request: UserRequest, profile_id: int) -> HttpResponse:
    """The editor with its test bench; saving makes a new version."""
    profile = _profile(profile_id)
    newest = newest_version(profile)
    if request.method == "GET":
        return _editor(request, profile, newest, shown(newest.content))
    form = entered(request.POST.dict())
    if form.profile is None:
        return _editor(request, profile, newest, form, status=422)
    try:
        based_on = int(request.POST.get("based_on", ""))
        comment = request.POST.get("comment", "")
        confirmed = request.POST.get("confirmed") == "on"
        saved = save_version(
            profile_id, form.content, actor_of(request), based_on=based_on, comment=comment, confirmed=confirmed
        )
    except MeaningChanges as question:
        return _editor(request, profile, newest, form, status=409, consequences=question.consequences)
    except (EditConflict, ValueError):
        messages.error(request, _("Có người vừa lưu phiên bản khác; xem lịch sử rồi lưu lại."))
        return _editor(request, profile, newest, form, status=409)
    if saved.pk == newest.pk:
        messages.info(request, _("Không có gì thay đổi."))
    else:
        messages.success(request, _("Đã lưu phiên bản %(number)s.") % {"number": saved.number})
    return HttpResponseRedirect(reverse("profiles:profile", args=(profile_id,)))


@requires(Function.ADMINISTER)
@require_GET
def version(request: UserRequest, profile_id: int, number: int) -> HttpResponse:
    """What a version says otherwise than the one before it, and than the one in force."""
    return _version_page(request, profile_id, number)


def _version_page(
    request: UserRequest, profile_id: int, number: int, status: int = 200, consequences: tuple[Consequence, ...] = ()
) -> HttpResponse:
    profile = _profile(profile_id)
    found = profile.versions.filter(number=number).select_related("created_by").first()
    if found is None:
        raise NotFound("there is no such version", field="version")
    before = profile.versions.filter(number=number - 1).first()
    newest = newest_version(profile)
    context = {
        "profile": profile,
        "version": found,
        "newest": newest,
        "changed": differences(before.content if before else {}, found.content),
        "since": differences(found.content, newest.content),
        "label_of_path": label_of_path,
        "consequences": consequences,
        "consequence_text": consequence_text,
    }
    return render(request, "profiles/version.html", context, status=status)


@requires(Function.ADMINISTER)
@require_POST
def restore(request: UserRequest, profile_id: int, number: int) -> HttpResponse:
    """Put an earlier version in force again."""
    confirmed = request.POST.get("confirmed") == "on"
    try:
        restored = restore_version(profile_id, number, actor_of(request), confirmed=confirmed)
    except MeaningChanges as question:
        return _version_page(request, profile_id, number, status=409, consequences=question.consequences)
    messages.success(request, _("Đã khôi phục thành phiên bản %(number)s.") % {"number": restored.number})
    return HttpResponseRedirect(reverse("profiles:profile", args=(profile_id,)))


@requires(Function.ADMINISTER)
@require_GET
def export(request: UserRequest, profile_id: int) -> HttpResponse:
    """The version in force as a file."""
    profile = _profile(profile_id)
    record(actor_of(request), "profile.exported", subject=f"profile:{profile.code}"[:96])
    answer = JsonResponse(exported(profile), json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{profile.code}.json"'
    return answer


@requires(Function.ADMINISTER)
@require_POST
def take_in(request: UserRequest) -> HttpResponse:
    """A file made by export; one whose code is known becomes its new version."""
    file = request.FILES.get("file")
    try:
        if file is None or file.size is None or file.size > MOST_FILE_BYTES:
            raise InvalidValue("no file, or one that is too large", field="file")
        confirmed = request.POST.get("confirmed") == "on"
        profile = import_profile(read_json(file.read(), field="file"), actor_of(request), confirmed=confirmed)
    except MeaningChanges as question:
        told = " ".join(str(consequence_text(each)) for each in question.consequences)
        messages.error(request, f"{told} " + _("Nếu đúng ý, hãy đánh dấu xác nhận rồi nhập lại."))
        return HttpResponseRedirect(reverse("profiles:overview"))
    except InvalidValue as error:
        detail = error.detail if error.field != "file" else ""
        messages.error(request, " ".join((_("Không nhập được: tệp không phải hồ sơ HL7 đã xuất."), detail)).strip())
        return HttpResponseRedirect(reverse("profiles:overview"))
    messages.success(request, _("Đã nhập hồ sơ %(name)s.") % {"name": profile.name})
    return HttpResponseRedirect(reverse("profiles:profile", args=(profile.pk,)))


def _profile(profile_id: int) -> SenderProfile:
    profile = SenderProfile.objects.filter(pk=profile_id).first()
    if profile is None:
        raise NotFound("there is no such profile", field="profile")
    return profile


def _editor(
    request: UserRequest,
    profile: SenderProfile,
    newest: ProfileVersion,
    form: Entered,
    status: int = 200,
    consequences: tuple[Consequence, ...] = (),
) -> HttpResponse:
    versions = list(profile.versions.select_related("created_by").order_by("-number")[: MOST_VERSIONS_SHOWN + 1])
    history = [
        (version, differences(before.content if before else {}, version.content))
        for version, before in zip(versions, (*versions[1:], None), strict=True)
    ]
    context: dict[str, Any] = {
        "profile": profile,
        "newest": newest,
        "form": form,
        "raw": request.POST.get("raw", "") or stored_text(request.GET.get("message", ""), actor_of(request)),
        "parts": PARTS,
        "places": PLACES,
        "words": WORDS,
        "identifiers": IDENTIFIERS,
        "name_orders": NAME_ORDERS,
        "rights": RIGHTS,
        "default_of": default_of,
        "senders": list(profile.senders.order_by("name")),
        "history": history[:MOST_VERSIONS_SHOWN],
        "label_of_path": label_of_path,
        "consequences": consequences,
        "consequence_text": consequence_text,
    }
    return render(request, "profiles/edit.html", context, status=status)
