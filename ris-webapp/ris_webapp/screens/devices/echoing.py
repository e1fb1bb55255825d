"""Ask a device for a C-ECHO, from the engine, as images will be sent; and when it is silent, find out why."""

from __future__ import annotations

import socket

from django.conf import settings

from ris_core.devices.models import Device
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed

CONNECT_SECONDS = 3.0
ECHO_SECONDS = 10.0


def echo_result(device: Device) -> str:
    """``ANSWERED``, or what was wrong, by the words of :data:`ris_webapp.screens.devices.words.ECHO`."""
    try:
        with Engine.from_settings(settings.QUANG, "web", timeout_seconds=ECHO_SECONDS) as engine:
            engine.echo(device.ae_title, device.host, device.port)
    except EngineFailed:
        return cause_of_silence(device.host, device.port)
    return "ANSWERED"


def cause_of_silence(host: str, port: int) -> str:
    """Why a device does not answer: as far as opening a connection tells. One that opens was rejected as DICOM."""
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except socket.gaierror:
        return "UNKNOWN_HOST"
    except ConnectionRefusedError:
        return "REFUSED"
    except (OSError, UnicodeError):
        return "UNREACHABLE"
    return "REJECTED"
