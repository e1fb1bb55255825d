"""How the supervisor sees that a part works."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ris_suite.dicom_echo import AssociationRejected, EchoFailed, echo


class Health(Enum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    """It answers, and says that something it needs is missing."""
    SILENT = "silent"
    """It does not answer at all: still starting, or hung."""


@dataclass(frozen=True)
class Finding:
    health: Health
    detail: str = ""


Probe = Callable[[], Finding]
_EVERYWHERE = frozenset({"", "0.0.0.0"})  # noqa: S104 (compared with, not listened on)


def reached_at(listening_host: str) -> str:
    """Where a part that listens on this address is asked from the same machine: on one address only, it is not on
    the loopback one."""
    return "127.0.0.1" if listening_host in _EVERYWHERE else listening_host


def http_probe(
    port: int,
    path: str,
    *,
    bearer_token_file: Path | None = None,
    timeout_seconds: float = 5,
    accepted: frozenset[int] = frozenset({200}),
    host: str = "127.0.0.1",
    tls: bool = False,
) -> Probe:
    """Healthy is an answer with an accepted status. With ``tls`` whatever certificate is shown: it is another's task to
    see to it."""

    def probe() -> Finding:
        headers = {"Host": "127.0.0.1"}  # what is always served, wherever it listens
        try:
            if bearer_token_file is not None:
                headers["Authorization"] = f"Bearer {bearer_token_file.read_text().split()[-1]}"
            connection = (
                http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=_unverified())
                if tls
                else http.client.HTTPConnection(host, port, timeout=timeout_seconds)
            )
            try:
                connection.request("GET", path, headers=headers)
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as problem:
            return Finding(Health.SILENT, f"{path}: {problem or type(problem).__name__}")
        if status in accepted:
            return Finding(Health.HEALTHY)
        return Finding(Health.UNHEALTHY, f"{path} answers {status}")

    return probe


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def dicom_probe(port: int, ae_title: str, timeout_seconds: float = 5, *, host: str = "127.0.0.1") -> Probe:
    """Healthy is a C-ECHO that is answered with success. Who rejects us answers: killing it would end the associations
    of devices, whose number may be why."""

    def probe() -> Finding:
        try:
            status = echo(host, port, ae_title, timeout_seconds)
        except AssociationRejected as rejected:
            return Finding(Health.UNHEALTHY, f"C-ECHO: {rejected}")
        except (OSError, EchoFailed) as problem:
            return Finding(Health.SILENT, f"C-ECHO: {problem or type(problem).__name__}")
        if status == 0:
            return Finding(Health.HEALTHY)
        return Finding(Health.UNHEALTHY, f"C-ECHO answers {status:04X}")

    return probe


def gate_probe(port: int, timeout_seconds: float = 5, *, host: str = "127.0.0.1") -> Probe:
    """Healthy is a DICOM port at which an A-ABORT (PS3.8 table 9-26) is followed by the end of the connection: whoever
    listens there reads. Nobody associates, so nobody is refused."""

    def probe() -> Finding:
        try:
            with socket.create_connection((host, port), timeout_seconds) as connection:
                connection.settimeout(timeout_seconds)
                connection.sendall(b"\x07\0\0\0\0\x04\0\0\0\0")
                while connection.recv(1024):
                    pass
        except ConnectionResetError:
            return Finding(Health.HEALTHY)
        except OSError as problem:
            return Finding(Health.UNHEALTHY, f"DICOM port {port}: {problem or type(problem).__name__}")
        return Finding(Health.HEALTHY)

    return probe


def first_fault(*probes: Probe) -> Probe:
    """Healthy when all are; else what the first of them says that is not."""

    def probe() -> Finding:
        for one in probes:
            if (found := one()).health is not Health.HEALTHY:
                return found
        return Finding(Health.HEALTHY)

    return probe


def heartbeat_probe(path: Path, maximum_age_seconds: float = 30) -> Probe:
    """Healthy is a file that was touched not long ago."""

    def probe() -> Finding:
        try:
            age_seconds = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return Finding(Health.SILENT, "no heartbeat yet")
        if age_seconds <= maximum_age_seconds:
            return Finding(Health.HEALTHY)
        return Finding(Health.SILENT, f"last heartbeat {age_seconds:.0f} s ago")

    return probe


def postgres_probe(data_folder: Path) -> Probe:
    """Healthy is what PostgreSQL itself writes into its pid file once it accepts connections."""

    def probe() -> Finding:
        try:
            lines = (data_folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return Finding(Health.SILENT, "not started")
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return Finding(Health.HEALTHY)
        return Finding(Health.SILENT, "not ready yet")

    return probe
