"""The intake at the engine: two threads, or nothing when automation is off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from orthanc_host.fakes import FakeHost
from ris_core.errors import SettingsInvalid
from ris_core.hl7.settings import Hl7
from ris_core.settings import Automation, Settings
from ris_plugins.hl7_order_intake import plugin
from ris_plugins.hl7_order_intake.settings import IntakeSettings

SETTINGS = Settings(home=Path("/nowhere"), database_url="sqlite:////nowhere", secrets_dir=Path("/nowhere"))


def test_two_threads_are_registered() -> None:
    host = FakeHost()
    plugin.register(host, SETTINGS)
    assert set(host.background) == {"hl7-server", "hl7-writer"}


def test_nothing_happens_when_automation_is_off() -> None:
    host = FakeHost()
    plugin.register(host, msgspec.structs.replace(SETTINGS, automation=Automation(enabled=False)))
    assert not host.background


def test_settings_of_the_suite_reach_the_server() -> None:
    settings = msgspec.structs.replace(SETTINGS, mllp_port=21999, hl7=Hl7(max_message_bytes=10, max_connections=3))
    intake = IntakeSettings.of(settings)
    assert (intake.port, intake.limits.max_message_bytes, intake.limits.max_connections) == (21999, 10, 3)


def test_an_unknown_character_set_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsInvalid, match="klingon"):
        IntakeSettings.of(msgspec.structs.replace(SETTINGS, hl7=Hl7(undeclared_charset="klingon")))


def test_a_stopped_engine_ends_both_threads() -> None:
    host = FakeHost()
    plugin.register(host, msgspec.structs.replace(SETTINGS, mllp_port=0))
    stopped = Stopped()
    for run in host.background.values():
        run(stopped)


@dataclass
class Stopped:
    """An engine that has stopped already."""

    def is_set(self) -> bool:
        return True

    def wait(self, timeout: float | None = None) -> bool:
        return True
