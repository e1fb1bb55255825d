"""Standing back when processors are short: people at their lists and devices at theirs come before the worker."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def stand_back(niceness: int) -> None:
    """Let the calling thread stand ``niceness`` further back, and those that it begins: on Linux each has its own."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)


def session_stands_back(niceness: int) -> None:
    """Let the process's session stand back, when it is the process's own.

    Where the kernel shares processors among sessions first (sched(7), "The autogroup feature"), the niceness of threads
    counts within one session only. Nothing happens where it does not, and in a terminal's session.
    """
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))
