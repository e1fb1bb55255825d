"""Passwords guessed from one place, whatever the names: beside the lock of one name, which many names would pass by.

Counted in the audit trail, so that every process of the web app counts the same, and a restart forgets nothing. Only
wrong names and passwords count: what failed for another reason has its code in the event. An outage of a directory or
an OpenID provider, or a page elsewhere that calls our addresses, closes the login page to nobody.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.accounts.services import TriedTooOften
from ris_core.audit.models import AuditEvent

FAILED_WITHIN: Final = timedelta(minutes=15)
_ONE_SUBSCRIBER: Final = 64
"""Bits of an IPv6 address that whoever sits behind it cannot choose (RFC 6177)."""


def refuse_guessing(address: str) -> None:
    """:raises TriedTooOften: from there ``access.failed_logins_per_address`` logins failed within 15 minutes"""
    most = settings.QUANG.access.failed_logins_per_address
    if most and failures_from(address, most) >= most:
        raise TriedTooOften("too many logins failed from this address")


def failures_from(address: str, most: int) -> int:
    """How many logins failed from there within 15 minutes; counted up to ``most``, or further."""
    failed = AuditEvent.objects.filter(
        action="user.login_failed", at__gt=timezone.now() - FAILED_WITHIN, details__code__isnull=True
    )
    try:
        place = ip_address(address)
    except ValueError:
        return _counted(failed.filter(address=address), most)
    if not isinstance(place, IPv6Address):
        return _counted(failed.filter(address=address), most)
    network = ip_network((place, _ONE_SUBSCRIBER), strict=False)
    return sum(
        ip_address(each) in network for each in failed.filter(address__contains=":").values_list("address", flat=True)
    )


def _counted(events: QuerySet[AuditEvent], most: int) -> int:
    return events[:most].count()
