"""Section ``[audit]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section


class Audit(Section, frozen=True):
    """The audit trail."""

    seal_seconds: float = 5.0
    """How soon an event gets its place in the chain in which nothing can be changed unnoticed."""
    export_hours: float = 24.0
    """How often new events are written to files under the home (``audit/``)."""
    searched_words: Literal["hashed", "plain"] = "hashed"
    """How the words of a search are kept: as a keyed hash, by which equal searches are found, or as typed."""
    syslog_host: str = ""
    """Where audit messages go (DICOM PS3.15 A.5 over RFC 5425); empty: nowhere."""
    syslog_port: int = 6514
    syslog_ca: str = ""
    """PEM file of who signed the syslog server's certificate; empty: those that the machine trusts."""
    syslog_certificate: str = ""
    """PEM files with our own certificate and its key, when the server asks for one; empty: none."""
    syslog_key: str = ""
