"""What the gate is configured with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ris_core.devices.node_tls import node_context
from ris_core.settings import Settings


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The plugin's part of the suite's settings (section ``dicom``, and the ports that the launcher names)."""

    ae_title: str
    host: str
    port: int
    """0: nobody is let in without TLS."""
    engine_port: int
    """Where the engine itself listens, on loopback; 0: there is no gate, the engine listens at the port of devices."""
    tls_host: str = ""
    tls_port: int = 0
    tls: ssl.SSLContext | None = None
    tls_files: tuple[Path, Path] | None = None
    """Certificate and key, read again when they have changed."""
    registered_only: bool = True
    check_addresses: bool = True
    max_associations: int = 128
    max_associations_per_address: int = 64
    request_timeout_seconds: float = 30.0
    """Longest time from the connection to the whole A-ASSOCIATE-RQ (the ARTIM timer, PS3.8 §9.1.5)."""
    engine_timeout_seconds: float = 10.0

    @classmethod
    def of(cls, settings: Settings) -> GateSettings:
        """:raises SettingsInvalid: for a file of TLS that cannot be used"""
        dicom = settings.dicom
        return cls(
            ae_title=dicom.ae_title,
            host=settings.dicom_host,
            port=settings.dicom_port if dicom.plain else 0,
            engine_port=settings.engine_dicom_port,
            tls_host=dicom.tls_host,
            tls_port=dicom.tls_port,
            tls=node_context(settings) if dicom.tls_port else None,
            tls_files=(settings.dicom_certificate, settings.dicom_key) if dicom.tls_port else None,
            registered_only=dicom.registered_only,
            check_addresses=dicom.check_addresses,
            max_associations=dicom.max_associations,
            max_associations_per_address=dicom.max_associations_per_address,
        )
