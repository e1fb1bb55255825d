"""How DICOM is listened to: section ``[dicom]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Dicom(Section, frozen=True):
    """The DICOM engine."""

    ae_title: str = "QUANG"
    registered_only: bool = True
    """Only devices in the registry may store, query or retrieve."""
    check_addresses: bool = True
    """A device may call from its own address or networks only."""
    host_addresses_kept_hours: int = 24
    """How long a device whose host name cannot be looked up goes on calling from the addresses that were last known."""
    plain: bool = True
    """Whether DICOM without TLS is listened to at all; which devices may is said with each."""
    tls_port: int = 0
    """Port for DICOM over TLS, by certificates on both sides; 0: none. Port 2762 is registered for it."""
    tls_host: str = "0.0.0.0"  # noqa: S104 - TLS is made to be reached from elsewhere
    tls_certificate: str = ""
    """PEM files of our certificate, its key, and of who signs the devices'; empty: ``dicom.pem``, ``dicom.key`` and
    ``authority.pem`` under ``certificates/`` in the home."""
    tls_key: str = ""
    tls_client_ca: str = ""
    max_associations: int = 128
    max_associations_per_address: int = 64
