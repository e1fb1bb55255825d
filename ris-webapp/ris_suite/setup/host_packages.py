"""Packages of the host's own Debian. Only libraries and tools: no server is installed, no service is started."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ris_suite.engine import uses_host_engine
from ris_suite.sandbox import SERVICE_USER
from ris_suite.setup.runner import StepFailed, StepLog


@dataclass(frozen=True)
class HostPackage:
    """A Debian package and how to see that what it brings is there already, whoever installed it."""

    name: str
    present: Callable[[], bool]


def _program(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for name in names)


def _library(name: str) -> Callable[[], bool]:
    return lambda: ctypes.util.find_library(name) is not None


def _file(pattern: str) -> Callable[[], bool]:
    return lambda: any(Path("/").glob(pattern.lstrip("/")))


RUNTIME: tuple[HostPackage, ...] = (
    HostPackage("ca-certificates", _file("/etc/ssl/certs/ca-certificates.crt")),
    HostPackage("debootstrap", _program("debootstrap")),
    HostPackage("python3-venv", lambda: importlib.util.find_spec("ensurepip") is not None),
    # what WeasyPrint loads to lay out the report's PDF
    HostPackage("libpango-1.0-0", _library("pango-1.0")),
    HostPackage("libpangoft2-1.0-0", _library("pangoft2-1.0")),
    HostPackage("libharfbuzz-subset0", _library("harfbuzz-subset")),
)
HOST_ENGINE: tuple[HostPackage, ...] = (
    HostPackage("gcc", _program("cc")),
    HostPackage("libc6-dev", _file("/usr/include/pthread.h")),
)
UNPRIVILEGED: tuple[HostPackage, ...] = (HostPackage("bubblewrap", _program("bwrap")),)
TESTS: tuple[HostPackage, ...] = (
    HostPackage("chromium-headless-shell", _program("chromium-headless-shell")),
    HostPackage("libatomic1", _library("atomic")),  # of the program that drives Chromium
    HostPackage("dcmtk", _program("storescu", "wlmscpfs")),
    HostPackage("poppler-utils", _program("pdftotext", "pdfsig")),
    # what signed reports are checked with, and a token in software
    HostPackage("openssl", _program("openssl")),
    HostPackage("xmlsec1", _program("xmlsec1")),
    HostPackage("softhsm2", _program("softhsm2-util")),
)


def as_root() -> list[str]:
    """The words to put before a command that needs root.

    Raises:
        StepFailed: the caller is not root and there is no sudo.
    """
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise StepFailed("setup needs root once, to install packages: run it as root, or install sudo")
    return ["sudo"]


def wanted(*, tests: bool) -> list[HostPackage]:
    packages = list(RUNTIME)
    if uses_host_engine():
        packages += HOST_ENGINE
    elif os.geteuid() != 0:
        packages += UNPRIVILEGED
    if tests:
        packages += TESTS
    return packages


def missing(packages: Iterable[HostPackage]) -> list[str]:
    return [package.name for package in packages if not package.present()]


def install(packages: Iterable[HostPackage], log: StepLog) -> None:
    """Installs what is missing with apt, and makes the user that the suite runs as when root starts it."""
    names = missing(packages)
    if names:
        if shutil.which("apt-get") is None:
            raise StepFailed(f"this is not a Debian: install {', '.join(names)} by hand and run setup again")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        apt = [*as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "Dpkg::Use-Pty=0"]
        log.run([*apt, "update"], why="apt-get update failed: are Debian's mirrors reachable?", environment=environment)
        log.run(
            [*apt, "install", "-y", "--no-install-recommends", *names],
            why=f"apt-get could not install {', '.join(names)}",
            environment=environment,
        )
    if os.geteuid() == 0 and not service_user_exists():
        log.run(
            [
                *("useradd", "--system", "--user-group", "--no-create-home"),
                *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SERVICE_USER),
            ],
            why=f"the user {SERVICE_USER} could not be made",
        )


def service_user_exists() -> bool:
    return subprocess.run(["getent", "passwd", SERVICE_USER], stdout=subprocess.DEVNULL, check=False).returncode == 0


def service_account_ready() -> bool:
    return os.geteuid() != 0 or service_user_exists()


def can_make_virtualenvs() -> bool:
    return importlib.util.find_spec("ensurepip") is not None
