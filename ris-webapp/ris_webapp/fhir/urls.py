"""Addresses of the FHIR interface; all but ``/fhir/metadata`` are behind the door."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.access.scopes import Scope
from ris_core.audit.services import record
from ris_core.delivery.holding import has_open_hold
from ris_core.errors import NotFound
from ris_core.messages.models import Protocol
from ris_core.reports.models import Document
from ris_core.reports.recalling import is_recalled
from ris_webapp.api.caller import ApiRequest
from ris_webapp.api.door import View, admit
from ris_webapp.api.paging import LARGEST_KEY
from ris_webapp.fhir.capability import capability_statement
from ris_webapp.fhir.kinds import BY_NAME, ResourceKind
from ris_webapp.fhir.outcome import outcome_answer, resource_answer
from ris_webapp.fhir.references import References
from ris_webapp.fhir.search import found_page
from ris_webapp.fhir.writing import transaction, write
from ris_webapp.permission import public

app_name = "fhir"


@public
@require_GET
def metadata(request: HttpRequest) -> HttpResponse:
    """What can be done here."""
    return resource_answer(capability_statement())


@require_POST
def bundle(request: ApiRequest) -> HttpResponse:
    """A transaction."""
    return resource_answer(transaction(request.caller, request.json))


@require_http_methods(["GET", "HEAD", "POST"])
def resources(request: ApiRequest, name: str) -> HttpResponse:
    """Search, or create."""
    kind = _kind(name)
    if request.method == "POST":
        _may(kind, "create")
        written = write(request.caller, kind.name, request.json, None, References())
        return resource_answer(written.resource, written.status, written.location)
    return _found(request, kind, dict(request.GET.lists()))


@require_POST
def search(request: ApiRequest, name: str) -> HttpResponse:
    """Search by a form, so that numbers stand in no address."""
    return _found(request, _kind(name), {**dict(request.GET.lists()), **dict(request.POST.lists())})


@require_http_methods(["GET", "HEAD", "PUT"])
def resource(request: ApiRequest, name: str, key: str) -> HttpResponse:
    """Read, or update."""
    kind = _kind(name)
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 20 else 0
    if request.method == "PUT":
        _may(kind, "update")
        written = write(request.caller, kind.name, request.json, min(number, LARGEST_KEY), References())
        return resource_answer(written.resource, written.status, written.location)
    request.caller.require(kind.scope)
    row = kind.rows(request.caller).filter(pk=min(number, LARGEST_KEY)).first()
    if row is None:
        raise NotFound(f"there is no such {name}", field=name)
    request.caller.patient_id = kind.patient_of(row)
    return resource_answer(kind.shown(row))


@require_GET
def binary(request: ApiRequest, document_id: int) -> HttpResponse:
    """The PDF of a report, as itself."""
    caller = request.caller
    caller.require(Scope.REPORTS_READ)
    found = Document.objects.filter(
        pk=min(document_id, LARGEST_KEY), version__reading__procedure__in=caller.visible_orders()
    ).select_related("version__reading__procedure")
    document = found.first()
    # that of a recalled version, or of one that is held back, is had no more
    if document is None or is_recalled(document.version) or has_open_hold(document.version.reading.procedure_id):
        raise NotFound("there is no such Binary", field="Binary")
    reading = document.version.reading
    caller.patient_id = reading.procedure.patient_id
    record(
        caller.actor, "report.viewed", subject=f"reading:{reading.pk}", patient_id=caller.patient_id,
        version=document.version.number,
    )  # fmt: skip
    return HttpResponse(bytes(document.content), content_type="application/pdf")


@csrf_exempt  # a program is told that there is no such address, not that its form is too old
@public
def unknown(request: HttpRequest) -> HttpResponse:
    """An address that the interface does not have."""
    return outcome_answer(NotFound("there is no such address; /fhir/metadata tells what there is"))


def _found(request: ApiRequest, kind: ResourceKind, sent: dict[str, list[str]]) -> HttpResponse:
    request.caller.require(kind.scope)
    rows = kind.rows(request.caller)
    return resource_answer(found_page(kind.name, rows, kind.parameters, sent, kind.shown))


def _kind(name: str) -> ResourceKind:
    if name not in BY_NAME:
        raise NotFound("there is no such resource here; /fhir/metadata tells what there is")
    return BY_NAME[name]


def _may(kind: ResourceKind, interaction: str) -> None:
    if interaction not in kind.writes:
        raise NotFound(f"a {kind.name} cannot be written here", field=kind.name)


def _door(view: View) -> View:
    return admit(view, Protocol.FHIR, outcome_answer)


urlpatterns = [
    path("fhir/metadata", metadata, name="metadata"),
    path("fhir", _door(bundle), name="bundle"),
    path("fhir/", _door(bundle), name="bundle_slash"),
    path("fhir/Binary/<int:document_id>", _door(binary), name="binary"),
    path("fhir/<str:name>", _door(resources), name="resources"),
    path("fhir/<str:name>/_search", _door(search), name="search"),
    path("fhir/<str:name>/<str:key>", _door(resource), name="resource"),
    re_path(r"^fhir/.*$", unknown, name="unknown"),
]
