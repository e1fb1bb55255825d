"""How reports of performed steps are taken: section ``[mpps]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Mpps(Section, frozen=True):
    """Performed procedure steps reported by devices."""

    tls_port: int = 0
    """Port for reports over TLS, with the certificates of section ``dicom``; 0: none."""
    max_associations: int = 32
    idle_timeout_seconds: float = 300.0
    """An association on which nothing is said for so long is aborted; some devices keep one open during an exam."""
    answer_timeout_seconds: float = 30.0
    max_pdu_bytes: int = 65536
    max_dataset_bytes: int = 4 * 1024 * 1024
    wait_for_images_minutes: float = 30.0
    """How long an exam waits for images that its device says it made; then it is ready to read, with a warning."""
