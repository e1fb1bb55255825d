"""The ports of a suite: those that the settings name, and free ones for what only the suite itself talks to."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping

from ris_suite.settings import SuiteSettings

INTERNAL = ("orthanc", "web", "events", "engine-dicom")


def choose_ports(settings: SuiteSettings) -> dict[str, int]:
    """The port of each part. Free ones are chosen once and kept, unless somebody else has taken one since.

    To be called when the suite is down.
    """
    kept: dict[str, int] = {}
    if settings.home.ports_file.exists():
        kept = json.loads(settings.home.ports_file.read_text())
    ports = {name: port for name, port in _named(settings).items() if port}
    for name in ("nginx", "dicom", "mllp", "mpps", *INTERNAL):
        if name not in ports:
            ports[name] = kept[name] if name in kept and not is_taken(kept[name]) else free_port()
    if ports != kept:
        settings.home.ports_file.write_text(json.dumps(ports, indent=2) + "\n")
    return ports


def taken_ports(settings: SuiteSettings, ports: Mapping[str, int]) -> dict[str, int]:
    """Of the ports that the settings name, those that another program listens on. Keys as in ``QUANG_…_PORT``."""
    words = {"nginx": "http", "dicom": "dicom", "mllp": "mllp", "mpps": "mpps"}
    return {words[name]: ports[name] for name in words if is_taken(ports[name])}


def _named(settings: SuiteSettings) -> dict[str, int]:
    return {
        "nginx": settings.http_port,
        "dicom": settings.dicom_port,
        "mllp": settings.mllp_port,
        "mpps": settings.mpps_port,
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """True when nobody can listen on this port, because somebody does already."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return True
    return False
