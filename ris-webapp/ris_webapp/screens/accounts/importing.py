"""Accounts from a file: looked at line by line, then opened all together (P17)."""

from __future__ import annotations

import base64

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.importing import (
    COLUMNS,
    MOST_BYTES,
    NEEDED,
    Reading,
    import_accounts,
    read_accounts,
    staff_without_account,
)
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import InvalidValue
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.proof import lately_proved
from ris_webapp.role_words import role_choices
from ris_webapp.screens.accounts.forms import WHAT_TO_DO, AccountForm

LABELS = {**{name: AccountForm.base_fields[name].label for name in COLUMNS}, "": gettext_lazy("Dòng")}


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved(lambda request: "take" in request.POST)
@require_http_methods(["GET", "POST"])
def import_file(request: UserRequest) -> HttpResponse:
    """The file is shown first; what was shown is what is then taken over."""
    if request.method == "GET":
        return _page(request)
    try:
        content = _content(request)
        reading = read_accounts(content)
        if "take" not in request.POST or reading.wrong:
            return _page(request, reading=reading, content=content)
        opened = import_accounts(content, actor_of(request))
    except InvalidValue:
        told = _("Không đọc được tệp. Hãy lưu dạng CSV UTF-8, dưới 1 MB, dòng đầu ghi tên cột như bên dưới.")
        return _page(request, problem=told)
    return render(request, "accounts/imported.html", {"opened": opened, "left": len(reading.accounts) - len(opened)})


@requires(Function.MANAGE_ACCOUNTS)
@require_GET
def import_example(request: UserRequest) -> HttpResponse:
    """The hospital's staff without an account, as a file to complete and take over."""
    record(actor_of(request), "catalogue.exported", subject="staff")
    response = HttpResponse(staff_without_account(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="staff-without-account.csv"'
    return response


def _content(request: UserRequest) -> bytes:
    """:raises InvalidValue: no file, too large, or not what was shown"""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        if (file.size or 0) > MOST_BYTES:
            raise InvalidValue("the file is too large", field="file")
        return bytes(file.read())
    try:
        shown = base64.b64decode(request.POST.get("shown", ""), validate=True)
    except ValueError as error:
        raise InvalidValue("what was shown came back otherwise", field="file") from error
    if not shown:
        raise InvalidValue("no file", field="file")
    return shown


def _page(
    request: UserRequest, *, reading: Reading | None = None, content: bytes = b"", problem: str = ""
) -> HttpResponse:
    wrong = [
        (line.number, LABELS.get(line.field, line.field), WHAT_TO_DO.get(line.field, line.detail))
        for line in (reading.wrong if reading else ())
    ]
    context = {
        "reading": reading,
        "wrong": wrong,
        "shown": base64.b64encode(content).decode(),
        "problem": problem,
        "columns": [(name, LABELS[name], name in NEEDED) for name in COLUMNS],
        "roles": role_choices(),
    }
    return render(request, "accounts/import.html", context, status=422 if wrong or problem else 200)
