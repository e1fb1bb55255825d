"""Runs a program with less than the caller has: in the engine's root, as another user, in a mount namespace of its own.

Two kinds of program are started:

- Programs of the engine root (Orthanc, nginx, PostgreSQL). They see that root read-only, and the repository and the
  suite's home **at the same paths as outside**, so that a path means the same in every process.
- Programs of the host (the web app's Python). They see the host, as the service user.

As root the isolation is made with ``unshare``, ``mount``, ``chroot`` and ``setpriv`` (all in Debian's base system); as
another user with ``bwrap``. Mounts live in the process's private namespace and vanish with it. Each command ends in
``exec``, so the process id that the supervisor sees is the program's own, and signals reach it directly.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ris_suite import layout

SERVICE_USER = "quang"

_ROOT_FOLDERS = ("usr", "etc", "var")
_ROOT_LINKS = ("bin", "sbin", "lib", "lib64")
_SCRATCH = ("tmp", "var/tmp")
"""Empty and writable; sockets of homes with long paths lie in the second (see ``settings.postgres_socket_folder``)."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_FILES_OF_THE_HOST = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/ssl/certs/ca-certificates.crt",
)


class NoServiceAccount(Exception):
    """Root has no user to step down to."""


@dataclass(frozen=True)
class ServiceAccount:
    """The user that the suite's processes run as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Bind:
    """A folder that the program sees at the same path as outside."""

    path: Path
    writable: bool = False


def service_account() -> ServiceAccount | None:
    """The account to step down to, or None when the caller is not root and so cannot change user.

    Root steps down to the user who called sudo, else to the system user ``quang`` that setup makes.

    Raises:
        NoServiceAccount: root has no account to step down to, because setup has not run.
    """
    if os.geteuid() != 0:
        return None
    sudo_uid, sudo_gid = os.environ.get("SUDO_UID", "0"), os.environ.get("SUDO_GID", "0")
    if int(sudo_uid) != 0:
        return ServiceAccount(int(sudo_uid), int(sudo_gid))
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise NoServiceAccount(f"there is no user {SERVICE_USER!r} to run as: run 'make setup'") from None
    return ServiceAccount(entry.pw_uid, entry.pw_gid)


def engine_command(arguments: Sequence[str], binds: Sequence[Bind], account: ServiceAccount | None) -> list[str]:
    """The command that runs a program of the engine root (or the host's own, where there is no root)."""
    if not layout.ENGINE_ROOT.exists():
        return host_command(arguments, [bind.path for bind in binds], account)
    if account is None:
        return _bwrap_command(arguments, binds)
    script = _chroot_script(binds) + f'exec chroot {_quote(layout.MOUNT_POINT)} {_setpriv(account)} "$@"'
    return [*with_private_mounts(script), *arguments]


def host_command(arguments: Sequence[str], needed: Iterable[Path], account: ServiceAccount | None) -> list[str]:
    """The command that runs a program of the host as the service user.

    Folders that the program needs may lie where the service user may not pass (a clone in /root, a test's private
    temporary folder). Each such ancestor is covered, for this process only, by an empty folder in which nothing but the
    needed folders can be seen.
    """
    if account is None:
        return list(arguments)
    step_down = _setpriv(account)
    covers: dict[Path, list[Path]] = {}
    for path in needed:
        closed = closed_ancestor(path, account)
        if closed is not None:
            covers.setdefault(closed, []).append(path)
    if not covers:
        return [*shlex.split(step_down), *arguments]
    script = ""
    for closed, paths in covers.items():
        mount_point = _quote(layout.MOUNT_POINT)
        script += f"mount -t tmpfs -o mode=755 tmpfs {mount_point}\n"
        for path in sorted(paths):
            inside = _quote(layout.MOUNT_POINT / path.relative_to(closed))
            script += f"mkdir -p {inside}; mount --rbind {_quote(path)} {inside}\n"
        script += f"mount --rbind {mount_point} {_quote(closed)}\n"
    script += f'exec {step_down} "$@"'
    return [*with_private_mounts(script), *arguments]


def with_private_mounts(script: str) -> list[str]:
    """The beginning of a command that runs a shell script whose mounts nobody else sees; arguments are its ``"$@"``."""
    return ["unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-euc", script, "sandbox"]


def closed_ancestor(path: Path, account: ServiceAccount) -> Path | None:
    """The topmost folder above ``path`` that the account may not pass through, or None."""
    for ancestor in reversed(path.resolve().parents):
        status = ancestor.stat()
        if status.st_uid == account.uid:
            passable = status.st_mode & 0o100
        elif status.st_gid == account.gid:
            passable = status.st_mode & 0o010
        else:
            passable = status.st_mode & 0o001
        if not passable:
            return ancestor
    return None


def _chroot_script(binds: Sequence[Bind]) -> str:
    new, root = layout.MOUNT_POINT, layout.ENGINE_ROOT
    lines = [f"mount -t tmpfs -o mode=755 tmpfs {_quote(new)}"]
    for name in _ROOT_FOLDERS:
        lines += [f"mkdir {_quote(new / name)}", *_mount(root / name, new / name, writable=False)]
    lines += [f"ln -s usr/{name} {_quote(new / name)}" for name in _ROOT_LINKS if (root / name).is_symlink()]
    lines += [f"mkdir {_quote(new / 'proc')} {_quote(new / 'run')}", f"mount -t proc proc {_quote(new / 'proc')}"]
    lines += [
        f"mkdir -p {_quote(new / 'dev' / 'shm')}",
        f"mount -t tmpfs -o mode=1777 tmpfs {_quote(new / 'dev' / 'shm')}",
    ]
    for name in _DEVICES:
        device = _quote(new / "dev" / name)
        lines += [f"touch {device}; mount --bind /dev/{name} {device}"]
    for name in _SCRATCH:
        scratch = _quote(new / name)
        lines += [f"mkdir -p {scratch}", f"mount -t tmpfs -o mode=1777 tmpfs {scratch}"]
    for name in _existing_host_files():
        lines += _mount(Path(name), new / name.lstrip("/"), writable=False)
    for bind in sorted(binds, key=lambda bind: bind.path):
        inside = new / bind.path.relative_to("/")
        lines += [f"mkdir -p {_quote(inside)}", *_mount(bind.path, inside, writable=bind.writable)]
    return "\n".join(lines) + "\n"


def _mount(source: Path, target: Path, *, writable: bool) -> list[str]:
    lines = [f"mount --bind {_quote(source)} {_quote(target)}"]
    if not writable:
        lines.append(f"mount -o remount,bind,ro {_quote(target)}")
    return lines


def _bwrap_command(arguments: Sequence[str], binds: Sequence[Bind]) -> list[str]:
    if shutil.which("bwrap") is None:
        raise FileNotFoundError("bwrap is needed to run the engine without root: install the package bubblewrap")
    command = ["bwrap", "--unshare-user-try", "--proc", "/proc", "--dev", "/dev", "--dir", "/run"]
    for name in _ROOT_FOLDERS:
        command += ["--ro-bind", str(layout.ENGINE_ROOT / name), f"/{name}"]
    for name in _SCRATCH:
        command += ["--tmpfs", f"/{name}"]
    for name in _ROOT_LINKS:
        if (layout.ENGINE_ROOT / name).is_symlink():
            command += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in _existing_host_files():
        command += ["--ro-bind", name, name]
    for bind in sorted(binds, key=lambda bind: bind.path):
        command += ["--bind" if bind.writable else "--ro-bind", str(bind.path), str(bind.path)]
    return [*command, "--chdir", "/", "--", *arguments]


def _existing_host_files() -> list[str]:
    return [
        name for name in _FILES_OF_THE_HOST if Path(name).exists() and (layout.ENGINE_ROOT / name.lstrip("/")).exists()
    ]


def _setpriv(account: ServiceAccount) -> str:
    return f"setpriv --reuid={account.uid} --regid={account.gid} --clear-groups --no-new-privs --inh-caps=-all"


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
