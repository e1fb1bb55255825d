"""Whether a DICOM node may associate, and what for: by its AE title, its address, its certificate and its rights.

An AE title alone proves nothing, everybody can type one in. A node is therefore who it says when it also calls from
its address, and over TLS with its own certificate (PS3.15 B.12, BCP 195).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class Service(StrEnum):
    """What a node may be let do."""

    ASSOCIATION = "ASSOCIATION"
    """To associate at all."""
    WORKLIST = "WORKLIST"
    STORE = "STORE"
    QUERY = "QUERY"
    """C-FIND of patients, studies, series and instances (PS3.4 C)."""
    RETRIEVE = "RETRIEVE"
    """C-MOVE and C-GET."""
    COMMITMENT = "COMMITMENT"
    """Storage commitment (PS3.4 J)."""
    REPORT = "REPORT"
    """Performed procedure steps; at their port."""


class Reason(StrEnum):
    """Why a node is refused."""

    UNKNOWN = "UNKNOWN"
    """Nobody has registered its AE title."""
    WITHDRAWN = "WITHDRAWN"
    """It is registered, and no longer in use."""
    ADDRESS = "ADDRESS"
    """It calls from an address that is none of this device's."""
    PLAIN = "PLAIN"
    """It calls without TLS and may not."""
    CERTIFICATE = "CERTIFICATE"
    """It shows a certificate that is not this device's."""
    CALLED = "CALLED"
    """It calls another AE title than ours."""
    NOT_ALLOWED = "NOT_ALLOWED"
    """It is registered, and not for this service."""


@dataclass(frozen=True, slots=True)
class Node:
    """What the registry says of one AE title."""

    ae_title: str
    services: frozenset[Service] = frozenset()
    networks: tuple[Network, ...] = ()
    """From where it calls."""
    active: bool = True
    plain: bool = True
    """Whether it may call without TLS."""
    certificate: str = ""
    """The name of its certificate: ``CN=…``, the whole subject, or a SHA-256 fingerprint; empty: ``CN=`` and its
    AE title."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as it says and as is seen."""

    ae_title: str
    address: str
    certificate: tuple[str, ...] | None = None
    """Names of the certificate that it showed (:func:`ris_core.hl7.mllp_tls.names_of`); none: without TLS."""


def why_refused(node: Node | None, caller: Caller, *, check_addresses: bool = True) -> Reason | None:
    """Why ``caller`` may not associate as ``node``; none when it may."""
    if node is None:
        return Reason.UNKNOWN
    if not node.active:
        return Reason.WITHDRAWN
    if check_addresses and not calls_from(caller.address, node.networks):
        return Reason.ADDRESS
    if caller.certificate is None:
        return None if node.plain else Reason.PLAIN
    wanted = node.certificate or f"CN={node.ae_title}"
    return None if wanted.casefold() in map(str.casefold, caller.certificate) else Reason.CERTIFICATE


def calls_from(address: str, networks: Iterable[Network]) -> bool:
    """Whether ``address`` is in one of ``networks``; one that is none is in no network."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(_plain_ipv4(found) in network for network in networks)


def read_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks separated by commas or blanks.

    :raises ValueError: for one that is none
    """
    return tuple(ip_network(one, strict=False) for one in text.replace(",", " ").split())


def _plain_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that a socket for both families has seen (``::ffff:10.0.0.5``) as itself."""
    return getattr(address, "ipv4_mapped", None) or address
