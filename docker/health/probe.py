"""Exit status 0 when the part that runs in this container works: Docker's HEALTHCHECK, by the launcher's own probes.

usage: python3 probe.py orthanc|web|events|worker|mpps
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ris_suite import health
from ris_suite.dicom_settings import DicomSettings


def finding(part: str) -> health.Finding:
    """What the part's probe finds; raises KeyError for a part that has none."""
    home, secrets = Path(os.environ["QUANG_HOME"]), Path(os.environ["QUANG_SECRETS_DIR"])
    dicom = DicomSettings.read(Path(os.environ["QUANG_SETTINGS"]), os.environ)
    probes = {
        "orthanc": _engine(dicom, secrets),
        "web": health.http_probe(8000, "/healthz"),
        "events": health.http_probe(8001, "/events/healthz"),
        "mpps": health.dicom_probe(4243, dicom.ae_title),
        "worker": health.heartbeat_probe(home / "run" / "worker.heartbeat"),
    }
    return probes[part]()


def _engine(dicom: DicomSettings, secrets: Path) -> health.Probe:
    """Orthanc's HTTP and, unless devices come by TLS only, the gate at its DICOM port."""
    answers = health.http_probe(8042, "/system", bearer_token_file=secrets / "service_token_monitor")
    if os.environ.get("QUANG_AUTOMATION", "on") == "off" or not dicom.plain:
        return answers
    return health.first_fault(answers, health.gate_probe(4242))


if __name__ == "__main__":
    found = finding(sys.argv[1])
    print(found.health.value, found.detail)
    sys.exit(0 if found.health is health.Health.HEALTHY else 1)
