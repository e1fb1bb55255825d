"""Programs to be compared with: DCMTK's, from the machine or installed from Debian's package into the engine's root."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

START_SECONDS = 20.0


class PeerMissing(Exception):
    """A program to compare with is not installed; ``str()`` says how to get it."""


def dcmtk(program: str) -> str:
    """The path of one of DCMTK's programs; installs the package ``dcmtk`` when it is missing and we are root.

    :raises PeerMissing: when it is not there and cannot be installed
    """
    found = shutil.which(program)
    if found is None:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "-qq", "dcmtk"], check=False)
        found = shutil.which(program)
    if found is None:
        raise PeerMissing(f"{program} is missing: apt-get install dcmtk")
    return found


def wait_for_port(port: int) -> None:
    """Until somebody listens on the port of this machine."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
