"""What the intake of orders is configured with."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from ris_core.errors import SettingsInvalid
from ris_core.hl7.mllp_server import Limits, TlsListener
from ris_core.hl7.mllp_tls import server_context
from ris_core.hl7.settings import Hl7
from ris_core.settings import Settings


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """The plugin's part of the suite's settings (section ``hl7``)."""

    host: str
    port: int
    limits: Limits
    tls: TlsListener | None = None

    @classmethod
    def of(cls, settings: Settings) -> IntakeSettings:
        """
        :raises SettingsInvalid: for a character set that Python does not know, a network that is none, or a file of TLS
            that cannot be used
        """
        hl7 = settings.hl7
        try:
            codecs.lookup(hl7.undeclared_charset)
        except LookupError as error:
            raise SettingsInvalid(str(error), field="hl7.undeclared_charset") from error
        return cls(
            host=settings.mllp_host,
            port=settings.mllp_port,
            limits=Limits(
                max_message_bytes=hl7.max_message_bytes,
                max_connections=hl7.max_connections,
                idle_timeout_seconds=hl7.idle_timeout_seconds,
                frame_timeout_seconds=hl7.frame_timeout_seconds,
                max_connections_per_peer=hl7.max_connections_per_peer,
                networks=_networks(hl7.allowed_networks),
            ),
            tls=_tls(hl7),
        )


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise SettingsInvalid(str(error), field="hl7.allowed_networks") from error


def _tls(hl7: Hl7) -> TlsListener | None:
    if not hl7.tls_port:
        return None
    ca = Path(hl7.tls_client_ca) if hl7.tls_client_ca else None
    context = server_context(Path(hl7.tls_certificate), Path(hl7.tls_key), ca)
    return TlsListener(hl7.tls_host, hl7.tls_port, context)
