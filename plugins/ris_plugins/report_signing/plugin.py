"""Signed reports follow their study: when Orthanc calls it complete, the worker sees whether they are in it."""

from __future__ import annotations

from orthanc_host.host import Host
from ris_core.settings import Settings
from ris_plugins.report_signing.service import want_signed_reports_kept


def register(host: Host, settings: Settings) -> None:
    """Subscribe to a study's completion, which also follows a correction or a split of its images."""
    host.on_change("STABLE_STUDY", lambda change: want_signed_reports_kept(change.orthanc_id))
