"""Where a request really comes from, and who acts in it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from django.http import HttpRequest

from ris_core.accounts.models import User
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor

FRONT_DOOR_NETWORKS = tuple(
    ip_network(network)
    for network in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Where nginx may be: on this host, or beside the web app in a private network; the web app listens nowhere else."""


def client_address(request: HttpRequest) -> str:
    """The browser's address: what the front door saw when the request came through it, else the peer's.

    Only the last entry of ``X-Forwarded-For`` is believed (nginx appends it; the ones before are the client's own
    words), and only from a peer on loopback or in a private network, where the front door is.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    try:
        if forwarded and any(ip_address(peer) in network for network in FRONT_DOOR_NETWORKS):
            return str(ip_address(forwarded))
    except ValueError:
        pass
    return peer or "127.0.0.1"


def actor_of(request: HttpRequest) -> Actor:
    """The logged-in user as the audit trail names them."""
    user = request.user
    if not isinstance(user, User):
        return Actor("anonymous", address=client_address(request), kind=ActorKind.ANYBODY)
    return Actor(user.username, user_id=user.pk, address=client_address(request), role=user.role)
