"""The registry of devices as :mod:`ris_core.devices.admission` needs it: who may associate from where, and for what."""

from __future__ import annotations

from collections.abc import Iterator

from ris_core.devices.admission import Node, Service, read_networks
from ris_core.devices.host_names import networks_of_host
from ris_core.devices.models import Device


def known_nodes() -> dict[str, Node]:
    """Every registered device by its AE title, those that are no longer in use among them. A name that
    nobody has looked up for a while is looked up now, which may take seconds.

    :raises django.db.DatabaseError: when the registry cannot be read
    """
    return {device.ae_title: node_of(device) for device in Device.objects.all()}


def known_node(ae_title: str) -> Node | None:
    """One of :func:`known_nodes`; none when nobody has registered it."""
    device = Device.objects.filter(ae_title=ae_title).first()
    return None if device is None else node_of(device)


def node_of(device: Device) -> Node:
    return Node(
        ae_title=device.ae_title,
        services=frozenset(_services(device)),
        networks=read_networks(device.networks) or networks_of_host(device.host),
        active=device.active,
        plain=device.may_call_plain,
        certificate=device.certificate,
    )


def _services(device: Device) -> Iterator[Service]:
    yield from (Service.ASSOCIATION, Service.REPORT)
    rights = {
        Service.STORE: device.may_store,
        Service.WORKLIST: device.may_query_worklist,
        Service.QUERY: device.may_query,
        Service.RETRIEVE: device.may_retrieve,
        Service.COMMITMENT: device.may_commit,
    }
    yield from (service for service, may in rights.items() if may)
