"""From where a device calls that is registered by its host's name: name servers fail, and it must not be cut off then.

The last addresses of each name are kept in the database and hold for ``dicom.host_addresses_kept_hours`` without a name
server, also after a restart. :func:`look_up` is called in the background; whoever asks finds what is kept.
"""

from __future__ import annotations

import logging
import socket
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.devices.admission import Network
from ris_core.devices.models import Device, HostAddresses

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=5)
"""A name that was looked up within this time is not looked up by who asks for it."""
_MOST_ADDRESSES = 64


def networks_of_host(host: str) -> tuple[Network, ...]:
    """The host's addresses: itself when it is one, else where its name leads or last led; none when neither is known.

    :raises django.db.DatabaseError: what is kept cannot be read or written
    """
    if not is_name(host):
        return (ip_network(ip_address(host)),)
    now = timezone.now()
    kept = HostAddresses.objects.filter(pk=host).first()
    if kept is None or kept.looked_at < now - FRESH:
        kept = look_up(host, now)
    if kept.found_at is None or kept.found_at < now - _kept_for():
        return ()
    return tuple(ip_network(address) for address in kept.addresses.split())


def look_up(host: str, now: datetime) -> HostAddresses:
    """Ask the name server, which may take seconds, and keep the answer; without one what was known stays.

    :raises django.db.DatabaseError: it cannot be kept
    """
    found = _ask(host)
    kept = HostAddresses.objects.filter(pk=host).first()
    failing_since = None if found else (kept and kept.failing_since) or now
    if found and kept and kept.failing_since:
        log.info("DICOM: the name %s leads somewhere again", host)
    elif not found and not (kept and kept.failing_since):
        log.warning("DICOM: the name %s cannot be looked up; its last addresses hold for the time being", host)
    values: dict[str, object] = {"looked_at": now, "failing_since": failing_since}
    if found:
        values |= {"addresses": " ".join(found), "found_at": now}
    return HostAddresses.objects.update_or_create(host=host, defaults=values)[0]


def names_in_use() -> list[str]:
    """The hosts by name that devices in use are let in from."""
    hosts = Device.objects.filter(active=True, networks="").values_list("host", flat=True).distinct()
    return sorted(filter(is_name, hosts))


def failing() -> QuerySet[HostAddresses]:
    """The names of devices in use that cannot be looked up now."""
    return HostAddresses.objects.filter(failing_since__isnull=False, host__in=names_in_use())


def holds_until(kept: HostAddresses) -> datetime | None:
    """Until when its device is let in without a name server; none: no longer, or never found."""
    if kept.found_at is None:
        return None
    until = kept.found_at + _kept_for()
    return until if until > timezone.now() else None


def is_name(host: str) -> bool:
    """False for an address."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _ask(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return sorted({str(where[0]).partition("%")[0] for *_rest, where in found})[:_MOST_ADDRESSES]


def _kept_for() -> timedelta:
    return timedelta(hours=settings.QUANG.dicom.host_addresses_kept_hours)
