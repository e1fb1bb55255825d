"""Where things lie: the repository, what setup has made in it, and the files of one suite under its home."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PLUGINS = REPOSITORY / "plugins"
RIS_WEBAPP = REPOSITORY / "ris-webapp"
FRONTEND = RIS_WEBAPP / "frontend"
OPENID_PROVIDER = REPOSITORY / "integration-tests" / "openid-provider"
"""A provider that tests log in at."""
ORTHANC_CONFIG = REPOSITORY / "orthanc-config"
ENGINE_SHIM_SOURCE = REPOSITORY / "docker" / "engine-shim" / "engine_shim.c"

VIRTUALENV = REPOSITORY / ".venv"
PYTHON = VIRTUALENV / "bin" / "python"

ENGINE = REPOSITORY / ".engine"
ENGINE_ROOT = ENGINE / "root"
ENGINE_SITE_PACKAGES = ENGINE / "site-packages"
ENGINE_SHIM = ENGINE / "engine_shim.so"
"""Where the host's own Orthanc is used; in the engine's root the shim lies inside."""
UV = ENGINE / "uv" / "bin" / "uv"
VIEWER = ENGINE / "viewer"
STAMPS = ENGINE / "stamps"
SETUP_LOGS = ENGINE / "logs"
MOUNT_POINT = ENGINE / "mnt"
"""An empty folder; what is mounted on it is seen only inside the private mount namespace of one process."""


def host_python_prefix() -> Path:
    """Where the interpreter behind the virtual environment is installed (``/usr``, or a pyenv's folder)."""
    for line in (VIRTUALENV / "pyvenv.cfg").read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip()).resolve().parent
    return Path(sys.base_prefix).resolve()


@dataclass(frozen=True)
class SuiteHome:
    """The folder that one suite keeps all its data in (``QUANG_HOME``)."""

    path: Path

    @property
    def run(self) -> Path:
        """What may be deleted while the suite is down: pid files, rendered configuration, ports."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def orthanc(self) -> Path:
        """Orthanc's storage area (DICOM files) and its SQLite index."""
        return self.path / "orthanc"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def sqlite_database(self) -> Path:
        return self.path / "quang.sqlite3"

    @property
    def state_file(self) -> Path:
        return self.run / "suite.json"

    @property
    def lock_file(self) -> Path:
        """Held (flock) by the supervisor for as long as it lives, so that a killed one is recognised at once."""
        return self.run / "supervisor.lock"

    @property
    def ports_file(self) -> Path:
        return self.run / "ports.json"

    @property
    def orthanc_configuration(self) -> Path:
        return self.run / "orthanc" / "orthanc.json"

    @property
    def nginx(self) -> Path:
        return self.run / "nginx"

    def log_file(self, part: str) -> Path:
        return self.logs / f"{part}.log"
