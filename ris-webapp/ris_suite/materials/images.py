"""The Debian packages of the container images, when these have been built here."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import PurePosixPath
from typing import Final

from ris_suite.materials.debian_packages import Tree

NAMES: Final = ("postgres", "orthanc", "front-door", "webapp")
_SECONDS: Final = 120


def image(name: str) -> str:
    """As ``docker/make-images`` calls it."""
    return f"quang/{name}:{os.environ.get('QUANG_IMAGE_TAG', 'local')}"


def tree(name: str) -> Tree | None:
    """What lies in the image ``name``; none when it has not been built here, or there is no Docker.

    Nothing of the image is run: its files are copied out of a container that is never started.
    """
    try:
        if _docker("image", "inspect", name).returncode != 0:
            return None
        container = _docker("create", name, check=True).stdout.decode().strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
    try:
        status = _docker("cp", f"{container}:/var/lib/dpkg/status", "-", check=True).stdout
        documents = _docker("cp", f"{container}:/usr/share/doc", "-", check=True).stdout
    finally:
        _docker("rm", container)
    return of_archives(status, documents)


def of_archives(status: bytes, documents: bytes) -> Tree:
    """The tree in what ``docker cp`` writes of dpkg's list and of ``/usr/share/doc``."""
    (listed,) = _files(status).values()
    texts = _files(documents)
    return Tree(listed, lambda package: texts.get(package))


def _files(archive: bytes) -> dict[str, str]:
    """Copyright files by package, and dpkg's list; links among packages' folders are followed."""
    found: dict[str, str] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if member.issym() and len(path.parts) == 2:
                links[path.name] = PurePosixPath(member.linkname).name
            elif member.isfile() and path.name in ("copyright", "status") and (file := tar.extractfile(member)):
                found[path.parent.name] = file.read().decode(errors="replace")
    for name in links:
        target = name
        for _ in links:  # a link to a link, but not in a circle for ever
            target = links.get(target, target)
        if target in found:
            found[name] = found[target]
    return found


def _docker(*arguments: str, check: bool = False) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *arguments], capture_output=True, check=check, timeout=_SECONDS)
