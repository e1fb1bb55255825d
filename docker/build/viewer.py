"""Installs the viewer in a build step and renders the front door's configuration for it.

usage: python3 docker/build/viewer.py FOLDER        (at the repository's root, with ris-webapp on PYTHONPATH)

Afterwards FOLDER holds ``viewer/<version>/``, ``http/`` and ``https/``, to be copied to ``/opt/quang/front-door``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ris_suite import layout, nginx_config
from ris_suite.setup import viewer
from ris_suite.setup.runner import StepFailed, StepLog

INSTALLED = Path("/opt/quang/front-door")
"""Where FOLDER's content will lie in the image."""
RUN = Path("/run/quang/nginx")
"""A tmpfs in the container; ``docker/front-door/start`` copies the pieces that the configuration includes there."""
CERTIFICATE = nginx_config.Tls(
    Path("/var/lib/quang-front-door/certificate.pem"), Path("/var/lib/quang-front-door/key.pem")
)
"""In a volume; ``docker/webapp/migrate`` puts them there."""


def main(folder: Path) -> None:
    layout.ENGINE.mkdir(exist_ok=True)
    log = StepLog(layout.SETUP_LOGS / "viewer.log")
    log.begin()
    try:
        viewer.install(log)
    except StepFailed as failure:
        sys.exit("\n".join([*log.last_lines(), str(failure)]))
    folder.mkdir(parents=True)
    shutil.move(layout.VIEWER, folder / "viewer")
    RUN.mkdir(parents=True)
    for door, tls in (("http", None), ("https", CERTIFICATE)):
        write_configuration(folder, tls)
        shutil.copytree(RUN, folder / door)


def write_configuration(folder: Path, tls: nginx_config.Tls | None) -> None:
    nginx_config.write(
        RUN / "nginx.conf",
        nginx_config.FrontDoor(
            listen="8080",
            web="web:8000",
            events="events:8001",
            orthanc="orthanc:8042",
            viewer_parent=INSTALLED,
            viewer_version=nginx_config.installed_viewer_version(folder),
            run=RUN,
            access_log=Path("/dev/stdout"),
            tls=tls,
            name_server="127.0.0.11",  # Docker's own, in every network that a user makes
        ),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
