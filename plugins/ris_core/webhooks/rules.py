"""What a receiver checks a webhook by, and where one may be sent; pure decisions."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from ris_core.errors import InvalidValue, NotPermitted

SIGNATURE_VERSION: Final = "v1"
LONGEST_URL: Final = 500


_METADATA_SERVICES: Final = frozenset(
    map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
"""Of hosting providers, where they are not link-local."""
_NAT64: Final = ip_network("64:ff9b::/96")


class AddressRefused(NotPermitted):
    """A webhook may not be sent there: it leads to this machine or to a link-local address, or is not encrypted."""

    code = "QUANG-5301"


@dataclass(frozen=True, slots=True)
class Address:
    """A webhook's address taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def netloc(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``v1=`` and HMAC-SHA256, hexadecimal, over the Unix time in seconds, a full stop and the body.

    The time is part of what is signed, so that an old request cannot be sent again by somebody else.
    """
    mac = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"{SIGNATURE_VERSION}={mac.hex()}"


def address_of(url: str) -> Address:
    """``url`` taken apart, with or without TLS.

    :raises InvalidValue: it is no address of a web server, or has a name and a password in it
    """
    if len(url) > LONGEST_URL or any(not 0x21 <= ord(character) <= 0x7E for character in url):
        raise InvalidValue(f"an address has at most {LONGEST_URL} ASCII characters and no blanks", field="url")
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError as error:
        raise InvalidValue("the address cannot be read", field="url") from error
    usual = parts.scheme in ("http", "https")
    if not usual or not parts.hostname or not port or parts.username is not None or parts.fragment:
        raise InvalidValue("an address reads https://host/path", field="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, parts.hostname, port, path)


def parsed_address(url: str, plain_hosts: Collection[str]) -> Address:
    """:func:`address_of` an address that is told something in confidence.

    :param plain_hosts: those that may be reached by plain HTTP
    :raises InvalidValue: as there
    :raises AddressRefused: it is not encrypted, and its host is none of ``plain_hosts``
    """
    address = address_of(url)
    if address.scheme == "http" and address.host not in plain_hosts:
        raise AddressRefused("send to https, or name the host in webhooks.plain_hosts", field="url")
    return address


def refuse_inner_address(host: str, resolved: str, inner_hosts: Collection[str]) -> None:
    """Make sure that ``host``, which is at ``resolved`` now, is none of our own machine.

    Loopback, link-local (there are metadata services), multicast and unspecified addresses are refused whatever name
    leads to them; private networks are where hospitals' systems are.

    :raises AddressRefused: it is one, and ``host`` is none of ``inner_hosts``
    """
    address = ip_address(resolved.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = _inside(address) or address
    inner = (
        address in _METADATA_SERVICES
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    if (inner or address.is_reserved) and host not in inner_hosts:
        raise AddressRefused("the name leads to this machine or to an address of no network", field="url")


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, by 6to4 or by NAT64 (RFC 6052)."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
