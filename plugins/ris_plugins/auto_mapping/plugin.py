"""Images arrive: Orthanc's change events become durable jobs, and the worker links studies to orders."""

from __future__ import annotations

from orthanc_host.host import Host
from ris_core.settings import Settings
from ris_plugins.auto_mapping.service import want_study_followed


def register(host: Host, settings: Settings) -> None:
    """Subscribe to a study's first image and to its completion; events of single images are never listened to."""
    host.on_change("NEW_STUDY", lambda change: want_study_followed("study_arrived", change.orthanc_id))
    host.on_change("STABLE_STUDY", lambda change: want_study_followed("study_stable", change.orthanc_id))
