"""Registers the intake of HL7 orders at the engine."""

from __future__ import annotations

from orthanc_host.host import Host
from ris_core.settings import Settings
from ris_plugins.hl7_order_intake.service import OrderIntake
from ris_plugins.hl7_order_intake.settings import IntakeSettings


def register(host: Host, settings: Settings) -> None:
    """Open the MLLP port when the engine has started; nothing when automation is off."""
    if not settings.automation.enabled:
        return
    intake = OrderIntake(IntakeSettings.of(settings), lambda: host.guarded("hl7-orders"))
    host.in_background("hl7-server", intake.serve)
    host.in_background("hl7-writer", intake.write, after_images=True)
