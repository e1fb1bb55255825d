"""Starts Orthanc in its container: renders ``orthanc-config`` for this environment, then becomes Orthanc."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from ris_suite import engine, layout, orthanc_config
from ris_suite.dicom_settings import DicomSettings

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENGINE_DICOM_PORT = 4241


def main() -> None:
    program = shutil.which("Orthanc", path=_PATH)
    if program is None:
        sys.exit("this image has no Orthanc")
    home = layout.SuiteHome(Path(os.environ["QUANG_HOME"]))
    temporary = home.path / "temporary"
    shutil.rmtree(temporary, ignore_errors=True)  # what an Orthanc that was killed left behind
    for folder in (home.orthanc, temporary, home.orthanc_configuration.parent):
        folder.mkdir(parents=True, exist_ok=True)
    dicom = DicomSettings.read(Path(os.environ.get("QUANG_SETTINGS", home.path / "quang.toml")), os.environ)
    automation = os.environ.get("QUANG_AUTOMATION", "on") != "off"
    configuration = orthanc_config.render(
        orthanc_config.OrthancSettings(
            storage=home.orthanc,
            http_port=8042,
            dicom_port=ENGINE_DICOM_PORT if automation else 4242,
            plugins=engine.HOST.plugins(),
            python_script=layout.PLUGINS / "orthanc_main.py",
            temporary=temporary,
            listens_on_loopback_only=False,
            automation=automation,
            stable_age_seconds=int(os.environ.get("QUANG_STABLE_AGE_SECONDS", "5")),
            ae_title=dicom.ae_title,
            registered_only=dicom.registered_only,
        )
    )
    home.orthanc_configuration.write_text(json.dumps(configuration, indent=2) + "\n")
    environment = {
        **os.environ,
        "LD_PRELOAD": engine.SHIM_IN_ROOT,
        "TCP_NODELAY": "1",
        # inside the container; QUANG_DICOM_PORT is where the host publishes it
        "QUANG_DICOM_PORT": "4242",
    }
    if automation:  # the gate of the plugins listens for devices, the engine on loopback behind it
        environment |= {
            "QUANG_DICOM_HOST": "127.0.0.1",
            "QUANG_DICOM_HOST_PORT": str(ENGINE_DICOM_PORT),
            "QUANG_DICOM_GATE_HOST": "0.0.0.0",  # noqa: S104 (what is published is the container's affair)
            "QUANG_ENGINE_DICOM_PORT": str(ENGINE_DICOM_PORT),
        }
    os.execve(program, [program, str(home.orthanc_configuration)], environment)  # noqa: S606 (one program takes the place of another)


if __name__ == "__main__":
    main()
