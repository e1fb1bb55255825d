"""Hangs up DICOM associations that are still open when Orthanc stops.

Orthanc 1.13.0 waits at its stop for each peer to close its association, without a limit: one device that keeps an idle
association open would keep the whole server from stopping. What a device is sending is let finish for
:data:`GRACE_SECONDS`; an image that is cut off was not acknowledged, and the device sends it again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

GRACE_SECONDS = 3.0
_AGAIN_SECONDS = 0.2


def hang_up_when_stopping(dicom_port: int) -> None:
    """From now on close what is connected to ``dicom_port``, until the interpreter is finalised.

    Not a daemon thread: one that is alive when the engine unloads Python ends the process with a fault.
    """
    threading.Thread(target=_keep_hanging_up, args=(dicom_port,), name="hang-up", daemon=False).start()


def _keep_hanging_up(dicom_port: int) -> None:
    grace_ends = time.monotonic() + GRACE_SECONDS
    # the main thread counts as ended as soon as the interpreter begins to finalise, and then it waits for this one
    while threading.main_thread().is_alive():
        if time.monotonic() > grace_ends:
            hang_up(dicom_port)
        time.sleep(_AGAIN_SECONDS)


def hang_up(port: int) -> int:
    """Shut down this process's accepted connections to its own ``port``; returns how many there were.

    Their descriptors stay open: they belong to the engine, which now sees the connection's end and closes them.
    """
    count = 0
    for name in os.listdir("/proc/self/fd"):
        # a descriptor may be closed, or be no socket at all, by the time that it is looked at
        with contextlib.suppress(OSError):
            connection = socket.socket(fileno=os.dup(int(name)))
            with connection:
                if connection.getsockname()[1] == port and connection.getpeername():
                    connection.shutdown(socket.SHUT_RDWR)
                    count += 1
    return count
