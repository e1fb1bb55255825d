"""Signed files, to be opened or saved; written down like every look at a report."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import FileKind
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

_TYPES = {"pdf": (FileKind.PDF, "application/pdf"), "xml": (FileKind.XML, "application/xml")}


@requires(Function.VIEW_REPORT)
@require_GET
def signed_file(request: UserRequest, signature_id: int, kind: str) -> HttpResponse:
    """The signed PDF or XML of a signature."""
    if kind not in _TYPES:
        raise NotFound("no such file")
    file_kind, content_type = _TYPES[kind]
    file = (
        SignedFile.objects.select_related("signature__version__reading__procedure")
        .filter(signature_id=signature_id, kind=file_kind)
        .first()
    )
    if file is None:
        raise NotFound("no such file")
    procedure = file.signature.version.reading.procedure
    record(
        actor_of(request), "signed_report.viewed", subject=f"signature:{signature_id}", patient_id=procedure.patient_id,
        kind=file_kind,
    )  # fmt: skip
    response = HttpResponse(bytes(file.content), content_type=content_type)
    disposition = "inline" if file_kind is FileKind.PDF else "attachment"
    response["Content-Disposition"] = f'{disposition}; filename="ket-qua-{signature_id}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response
