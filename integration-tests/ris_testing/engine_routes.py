"""Every route of Orthanc's REST API, as the installed engine documents it itself."""

from __future__ import annotations

import json
import re
import subprocess

from ris_suite.engine import ORTHANC
from ris_suite.sandbox import engine_command, service_account

_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_METHODS = ("get", "post", "put", "delete")
SOME_ID = "0065a786-5155e58c-788eae79-850e4200-5ac989e6"
"""An identifier that nothing has: a request that passes the filter meets a 404, and does no harm."""


def documented_routes() -> list[tuple[str, str]]:
    """Method and path of each route, its placeholders filled with :data:`SOME_ID`, from ``Orthanc --openapi``."""
    command = engine_command([ORTHANC, "--openapi=-"], [], service_account())
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout
    paths = json.loads(answer[answer.index("{") :])["paths"]
    return [
        (method.upper(), _PLACEHOLDER.sub(SOME_ID, path))
        for path, operations in sorted(paths.items())
        for method in _METHODS
        if method in operations
    ]
