"""What the intake of orders is configured with."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from ris_core.errors import SettingsInvalid
from ris_core.hl7.mllp_server import Limits
from ris_core.settings import Settings


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """The plugin's part of the suite's settings (section ``hl7``)."""

    host: str
    port: int
    limits: Limits

    @classmethod
    def of(cls, settings: Settings) -> IntakeSettings:
        """
        :raises SettingsInvalid: for a character set that Python does not know
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
            ),
        )
