"""The DICOM engine as the web app and the worker see it: a small client of Orthanc's REST API.

Every call carries the caller's service token and a time limit. Only calls that change nothing are repeated, once, after
a broken connection. Errors are named: :class:`EngineUnavailable` is worth another try later, the others are not.
"""

from __future__ import annotations

from typing import Any

from ris_core.engine.files import Files
from ris_core.engine.finding import Finding
from ris_core.engine.transport import as_json


class Engine(Finding, Files):
    """One connection to Orthanc's REST API; not to be shared between threads.

    :param timeout_seconds: longest wait for a connection and between two bytes of an answer
    """

    def system(self) -> dict[str, Any]:
        """``GET /system``: version, DICOM AE title, plugins enabled …"""
        return dict(self._json("GET", "/system"))

    def echo(self, ae_title: str, host: str, port: int, timeout_seconds: int = 5) -> None:
        """C-ECHO to a device.

        :raises EngineFailed: when it does not answer or refuses the association
        """
        body = {"AET": ae_title, "Host": host, "Port": port, "Timeout": timeout_seconds}
        self._call("POST", "/tools/dicom-echo", data=as_json(body))
