"""How HL7 v2 is listened to: section ``[hl7]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section


class Hl7(Section, frozen=True):
    """HL7 v2 over MLLP, inbound."""

    application: str = "QUANG"
    facility: str = "RIS"
    max_message_bytes: int = 4 * 1024 * 1024
    max_connections: int = 64
    max_connections_per_peer: int = 32
    allowed_networks: str = ""
    """Addresses and networks that may connect, separated by commas; empty: any."""
    tls_port: int = 0
    """Port for MLLP over TLS; 0: none."""
    tls_host: str = "0.0.0.0"  # noqa: S104 - TLS is made to be reached from elsewhere
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    """PEM file of who signs the senders' certificates; empty: senders need none."""
    idle_timeout_seconds: float = 600.0
    frame_timeout_seconds: float = 30.0
    """Longest time from a frame's first to its last byte."""
    updates_create_patients: bool = True
    """Whether ADT A08 and A31 of a patient who is not known here add them; else they are answered AE 204."""
    undeclared_charset: str = "utf-8"
    """Character set of a message whose MSH-18 is empty; falls back to windows-1258 when the bytes are not valid."""
    unknown_senders: Literal["accept", "refuse"] = "accept"
    """What is done with messages of systems that are not registered: read them by the default profile, or answer AR."""
