"""The engine's root: Debian forky with Orthanc 1.13, nginx and, when asked for, PostgreSQL, in ``.engine/root``.

Nothing is installed or enabled on the host for them: no system service appears, and any Debian (or other Linux with
debootstrap) runs the same versions. See docs/adr on the engine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ris_suite import layout
from ris_suite.engine import MINIMUM_ORTHANC, SHIM_IN_ROOT, Engine
from ris_suite.sandbox import with_private_mounts
from ris_suite.setup.host_packages import as_root
from ris_suite.setup.runner import StepFailed, StepLog

SUITE = "forky"
MIRROR = os.environ.get("QUANG_DEBIAN_MIRROR", "http://deb.debian.org/debian")
ORTHANC_PACKAGES = ("orthanc", "orthanc-python", "orthanc-dicomweb", "orthanc-gdcm")
RUNTIME_PACKAGES = (*ORTHANC_PACKAGES, "nginx-light", "python3")
COMPILER_PACKAGES = ("gcc", "libc6-dev")

_DEBOOTSTRAP_SCRIPT = "/usr/share/debootstrap/scripts/sid"
"""Debian 12's debootstrap knows no release named forky; all releases since are made by the same script."""

_SHIM_OPTIONS = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
}
_POLICY = "#!/bin/sh\n# Services are started by the suite only, never by a package's installation.\nexit 101\n"


def make_root(log: StepLog) -> None:
    """Builds the root beside its place and moves it there when it is whole."""
    building = layout.ENGINE / "root.building"
    _remove(log, building)
    run = _Root(building, log)
    log.run(
        [*as_root(), "debootstrap", "--variant=minbase", SUITE, building, MIRROR, _DEBOOTSTRAP_SCRIPT],
        why=f"debootstrap could not fetch or unpack Debian {SUITE} from {MIRROR}. Behind a proxy set http_proxy; "
        "for a mirror set QUANG_DEBIAN_MIRROR",
    )
    _write(log, building / "usr/sbin/policy-rc.d", _POLICY, executable=True)
    for name in ("etc/resolv.conf", "etc/hosts"):
        if Path("/", name).exists():
            _write(log, building / name, Path("/", name).read_text())
    if proxy := os.environ.get("http_proxy") or os.environ.get("HTTP_PROXY"):
        _write(log, building / "etc/apt/apt.conf.d/80proxy", f'Acquire::http::Proxy "{proxy}";\n')
    run.apt("install", *RUNTIME_PACKAGES, *COMPILER_PACKAGES)
    _build_shim(run)
    run.apt("purge", "--autoremove", *COMPILER_PACKAGES)
    run.apt("clean")
    _write(log, building / "etc/ssl/certs/ca-certificates.crt", "")  # the host's is bound here at start
    if not Engine(building).is_complete():
        version = Engine(building).orthanc_version()
        raise StepFailed(f"the new root has Orthanc {version} or lacks a plugin; {MINIMUM_ORTHANC} is needed")
    _remove(log, layout.ENGINE_ROOT)
    log.run([*as_root(), "mv", building, layout.ENGINE_ROOT], why="the new root could not be moved to its place")


def build_shim_for_host(log: StepLog) -> None:
    """The engine shim, for a host whose own Orthanc is used."""
    log.run(
        ["cc", *_SHIM_OPTIONS, "-o", layout.ENGINE_SHIM, layout.ENGINE_SHIM_SOURCE],
        why="the engine shim does not compile",
    )


def add_postgresql(log: StepLog) -> None:
    """Installs the PostgreSQL server into the root. No cluster is made and no service is started.

    Raises:
        StepFailed: also when the host's own Orthanc is used: then PostgreSQL is the host's affair too.
    """
    if not layout.ENGINE_ROOT.exists():
        raise StepFailed(
            "this host's own Orthanc is used: install its PostgreSQL server too (apt-get install postgresql)"
        )
    root = _Root(layout.ENGINE_ROOT, log)
    _write(log, layout.ENGINE_ROOT / "etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n")
    root.apt("install", "postgresql")
    root.apt("clean")


def add_directory_server(log: StepLog) -> None:
    """Installs OpenLDAP's server into the root, for tests. No service is started and none appears on this machine.

    Raises:
        StepFailed: also when the host's own Orthanc is used: then the server is the host's affair too.
    """
    if not layout.ENGINE_ROOT.exists():
        raise StepFailed("this host's own Orthanc is used: install its LDAP server too (apt-get install slapd)")
    root = _Root(layout.ENGINE_ROOT, log)
    root.apt("install", "slapd")
    root.apt("clean")


def add_syslog_server(log: StepLog) -> None:
    """Installs rsyslog with TLS into the root, for tests. No service is started and none appears on this machine.

    Raises:
        StepFailed: also when the host's own Orthanc is used: then the server is the host's affair too.
    """
    if not layout.ENGINE_ROOT.exists():
        raise StepFailed(
            "this host's own Orthanc is used: install its syslog server too (apt-get install rsyslog rsyslog-gnutls)"
        )
    root = _Root(layout.ENGINE_ROOT, log)
    root.apt("install", "rsyslog", "rsyslog-gnutls")
    root.apt("clean")


def compile_packages(log: StepLog, folder: Path, destination: Path) -> None:
    """Compiles Python files for the engine's interpreter, so that Orthanc need not at every start.

    ``folder`` is where they are now, ``destination`` where they will be when they are imported.
    """
    if not layout.ENGINE_ROOT.exists():
        return  # the host's Orthanc: compiled at each start, unless the host's Python is the same
    script = (
        f"cd '{layout.ENGINE_ROOT}'; mount --bind '{folder}' mnt; mount -t proc proc proc; "
        f"exec chroot . python3 -m compileall -q -j 2 -s /mnt -p '{destination}' /mnt"
    )
    log.run([*as_root(), *with_private_mounts(script)], why="the engine's Python packages do not compile")


class _Root:
    """A root under construction, and the commands that run inside it."""

    def __init__(self, path: Path, log: StepLog) -> None:
        self.path = path
        self.log = log

    def run(self, *arguments: str, why: str) -> None:
        script = f"cd '{self.path}'; mount -t proc proc proc; exec chroot . \"$@\""
        environment = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        self.log.run([*as_root(), "env", "-i", *environment, *with_private_mounts(script), *arguments], why=why)

    def apt(self, verb: str, *packages: str) -> None:
        self.run(
            *("apt-get", verb, "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"),
            *packages,
            why=f"apt-get {verb} failed inside the engine's root",
        )


def _build_shim(root: _Root) -> None:
    _write(root.log, root.path / "tmp/engine_shim.c", layout.ENGINE_SHIM_SOURCE.read_text())
    root.run(
        *("gcc", *_SHIM_OPTIONS, "-o", SHIM_IN_ROOT, "/tmp/engine_shim.c"),  # noqa: S108 (inside the new root)
        why="the engine shim does not compile",
    )


def _write(log: StepLog, path: Path, text: str, *, executable: bool = False) -> None:
    if os.geteuid() == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)
        return
    log.write(f"$ write {path}")
    script = f"mkdir -p '{path.parent}'; cat > '{path}'; chmod {'755' if executable else '644'} '{path}'"
    subprocess.run([*as_root(), "sh", "-euc", script], input=text, text=True, check=True)


def _remove(log: StepLog, path: Path) -> None:
    if not path.exists():
        return
    if os.geteuid() == 0:
        shutil.rmtree(path)
    else:
        log.run([*as_root(), "rm", "-rf", "--one-file-system", path], why=f"{path} could not be removed")
