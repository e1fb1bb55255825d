"""The engine that is installed: Orthanc with its plugins, nginx and PostgreSQL, in ``.engine/root`` or on the host.

What is installed is read from files; nothing is run for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ris_suite import layout

MINIMUM_ORTHANC = (1, 13, 0)
ORTHANC = "/usr/sbin/Orthanc"
NGINX = "/usr/sbin/nginx"
SLAPD = "/usr/sbin/slapd"
"""OpenLDAP's server; only tests have it."""
RSYSLOGD = "/usr/sbin/rsyslogd"
"""A syslog server; only tests have it."""
PLUGIN_FOLDERS = (
    "/usr/share/orthanc/plugins",
    "/usr/share/orthanc/plugins-available",
    "/usr/local/share/orthanc/plugins",
)
WANTED_PLUGINS = ("OrthancPython", "OrthancDicomWeb", "OrthancGdcm")
SHIM_IN_ROOT = "/usr/lib/quang_engine_shim.so"


class EngineProblem(Exception):
    """Something that the engine must have is not installed; ``str()`` says what."""


@dataclass(frozen=True)
class Engine:
    """An installation. Paths that are returned as text are as the engine's own processes see them."""

    root: Path | None
    """The folder that its processes see as ``/``; None when they run on the host as it is."""

    @property
    def shim(self) -> str:
        """The library to preload into Orthanc (``docker/engine-shim``)."""
        return SHIM_IN_ROOT if self.root else str(layout.ENGINE_SHIM)

    def has(self, path: str) -> bool:
        return self.outside(path).exists()

    def orthanc_version(self) -> tuple[int, ...] | None:
        """Read from the name of a plugin that comes with Orthanc itself."""
        names = [path.name for path in self.outside("/usr/lib/orthanc").glob("libModalityWorklists.so.*")]
        matches = [re.search(r"\.so\.(\d+)\.(\d+)\.(\d+)$", name) for name in names]
        return max((tuple(map(int, match.groups())) for match in matches if match), default=None)

    def plugins(self) -> list[str]:
        """Orthanc's plugins that we use, wherever the distribution put them.

        Raises:
            EngineProblem: one of them is not installed.
        """
        found: list[str] = []
        for name in WANTED_PLUGINS:
            candidates = [
                f"{folder}/{file.name}"
                for folder in PLUGIN_FOLDERS
                for file in sorted(self.outside(folder).glob(f"lib{name}.so*"))
            ]
            if not candidates:
                raise EngineProblem(f"lib{name}.so was not found in {', '.join(PLUGIN_FOLDERS)}")
            found.append(candidates[0])
        return found

    def python_version(self) -> str:
        """The version (``3.14``) of the interpreter inside Orthanc.

        Raises:
            EngineProblem: there is none.
        """
        libraries = sorted(self.outside("/usr/lib").glob("*/libpython3.*.so.1.0"))
        versions = [match.group(1) for path in libraries if (match := re.search(r"libpython(3\.\d+)\.so", path.name))]
        if not versions:
            raise EngineProblem("Orthanc's Python (libpython3) is not installed")
        return max(versions, key=lambda version: int(version.partition(".")[2]))

    def postgresql_programs(self) -> Path | None:
        """The folder with ``postgres`` and ``initdb``, or None when the server is not installed."""
        found = sorted(self.outside("/usr/lib/postgresql").glob("*/bin/initdb"))
        return Path("/") / found[-1].parent.relative_to(self.root or "/") if found else None

    def is_complete(self) -> bool:
        """True when it is new enough and has everything that a suite on SQLite needs, our shim excepted."""
        version = self.orthanc_version()
        if version is None or version < MINIMUM_ORTHANC or not self.has(ORTHANC) or not self.has(NGINX):
            return False
        try:
            self.plugins()
        except EngineProblem:
            return False
        return True

    def outside(self, path: str) -> Path:
        """Where a path of the engine's processes lies for everybody else."""
        return (self.root or Path("/")) / path.lstrip("/")


HOST = Engine(root=None)


def installed_engine() -> Engine:
    """The root that setup made, else the host's own installation."""
    return Engine(layout.ENGINE_ROOT) if layout.ENGINE_ROOT.exists() else HOST


def uses_host_engine() -> bool:
    """True where the host has Orthanc >= 1.13 with the plugins, and nginx: then no root is made."""
    return not layout.ENGINE_ROOT.exists() and HOST.is_complete()
