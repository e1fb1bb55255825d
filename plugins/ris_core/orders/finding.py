"""Orders by the numbers that their senders know them by, those that a person has replaced here included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q

from ris_core.errors import IdentityConflict
from ris_core.orders.errors import UnknownOrder
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, RequestedProcedure
from ris_core.orders.rules import OrderRequest
from ris_core.statements import Param, Select

_COLUMNS = ("id", "patient_id", "request_id", "service_code")

_find_procedures = Select(
    RequestedProcedure.objects.filter(source=Param("source"), placer_order_number=Param("number"))
    .order_by("id")
    .values_list(*_COLUMNS)
)
_find_renumbered = Select(
    FormerNumber.objects.filter(value=Param("number"), kind=FormerNumber.Kind.PLACER, procedure__source=Param("source"))
    .order_by("procedure_id")
    .distinct()
    .values_list(*(f"procedure__{name}" for name in _COLUMNS))
)


class KnownOrder(NamedTuple):
    """A procedure under a placer order number."""

    procedure_id: int
    patient_id: int
    request_id: int
    service_code: str


def expect_known_orders(source: str, placer_order_number: str) -> None:
    """Send ahead what :func:`known_orders` reads."""
    _find_procedures.expect(source=source, number=placer_order_number)
    _find_renumbered.expect(source=source, number=placer_order_number)


def known_orders(source: str, placer_order_number: str) -> list[KnownOrder]:
    """The procedures under a number, else those that had it before a person replaced it here."""
    rows = _find_procedures.rows(source=source, number=placer_order_number) or _find_renumbered.rows(
        source=source, number=placer_order_number
    )
    return [KnownOrder(*row) for row in rows]


def locked_procedures(source: str, placer_order_number: str) -> list[RequestedProcedure]:
    """As :func:`known_orders`, locked, with request and visit.

    :raises UnknownOrder: when there is none
    """
    ids = [known.procedure_id for known in known_orders(source, placer_order_number)]
    if not ids:
        raise unknown_order()
    lock_procedures(ids)
    return list(RequestedProcedure.objects.select_related("request__visit").filter(pk__in=ids).order_by("id"))


def lock_procedures(ids: Iterable[int]) -> None:
    """Lock procedures in the order of their keys; what belongs to them is read after it.

    Read in the same statement, a request would be as it was before the wait for the lock (PostgreSQL, READ COMMITTED).
    """
    locked = RequestedProcedure.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk")
    list(locked.values_list("pk", flat=True))


def requests_numbered(accession_number: str) -> list[int]:
    """Keys of the requests with this accession number, ours or as it was sent.

    Asked for alone, each condition has its index; joined to procedures by OR they would have every row read.
    """
    requests = ImagingServiceRequest.objects.filter(
        Q(accession_number=accession_number) | Q(sent_accession_number=accession_number)
    )
    return list(requests.order_by("pk").values_list("pk", flat=True))


def ordered_procedure(order: OrderRequest) -> RequestedProcedure:
    """The procedure that a change means: of the order's only service, or of the one that it names.

    :raises UnknownOrder: when it was never received, or the number has several services and none is this one
    """
    procedures = locked_procedures(order.source, order.placer_order_number)
    for procedure in procedures:
        if len(procedures) == 1 or procedure.service_code == order.service_code:
            return procedure
    raise unknown_service("change")


def require_order(source: str, placer_order_number: str) -> None:
    """Make sure that an order is here.

    :raises UnknownOrder: when it was never received
    """
    if not known_orders(source, placer_order_number):
        raise unknown_order()


def unknown_order() -> UnknownOrder:
    return UnknownOrder(
        "no order with this placer order number from this sender is here; send it as new (NW) first",
        field="placer_order_number",
    )


def unknown_service(verb: str) -> UnknownOrder:
    return UnknownOrder(
        f"the order has several services and this is none of them; name the service to {verb}", field="service_code"
    )


def another_patients_order() -> IdentityConflict:
    return IdentityConflict(
        "the placer order number is that of another patient's order; use a new number, or send the right patient",
        field="placer_order_number",
    )
