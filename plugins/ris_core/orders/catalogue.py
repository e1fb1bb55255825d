"""Which service an order is for and where it is done: the catalogue, and what the sender says."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.devices.models import ImagingService
from ris_core.orders.rules import CatalogueEntry, OrderRequest, chosen_entry, modality_of
from ris_core.statements import Param, Select

_find_service = Select(
    ImagingService.objects.filter(code=Param("code"), active=True)
    .order_by("id")
    .values_list("coding_system", "name", "modality", "default_device__ae_title", "default_device__room")
)


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A service with its modality, and its usual device where it has one."""

    name: str
    coding_system: str
    modality: str
    station_ae_title: str
    room: str


def expect_service(order: OrderRequest) -> None:
    """Send ahead what :func:`plan_service` reads."""
    _find_service.expect(code=order.service_code)


def plan_service(order: OrderRequest) -> ServicePlan:
    """The plan for the service of ``order``; the sender's own steps go before it.

    :raises InvalidValue: when neither catalogue nor sender tells the modality
    """
    entries = [
        CatalogueEntry(system, name, modality, station or "", room or "")
        for system, name, modality, station, room in _find_service.rows(code=order.service_code)
    ]
    entry = chosen_entry(entries, order.service_coding_system)
    return ServicePlan(
        name=order.service_name or (entry.name if entry else order.service_code),
        coding_system=order.service_coding_system or (entry.coding_system if entry else ""),
        modality=modality_of(order, entry),
        station_ae_title=entry.station_ae_title if entry else "",
        room=entry.room if entry else "",
    )
