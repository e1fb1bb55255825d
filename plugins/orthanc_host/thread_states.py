"""Python's state of the engine's threads is kept between callbacks.

The engine's Python plugin makes a new one for each callback and throws it away afterwards: memory is mapped, touched
and unmapped again, six times for each image that a device stores. What that cost is measured in
``docs/adr/0002-one-dispatcher-inside-orthanc.md``.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Final

_THREAD: Final = threading.local()
_lock: Final = threading.Lock()
_kept = 0


def keep_thread_state() -> None:
    """Keep the state of the thread that this callback runs on for its next ones; nothing when it is kept already.

    Only for threads that live as long as the process, as it is never given back. What callbacks leave in their thread
    (``threading.local``, context variables) is from then on there for the next: each must take away what it put there.
    """
    global _kept
    if hasattr(_THREAD, "kept"):
        return
    _THREAD.kept = True
    # counted by thread: the plugin's own release, at the end of the callback, is then not the last
    ctypes.pythonapi.PyGILState_Ensure()
    with _lock:
        _kept += 1


def thread_states_kept() -> int:
    """Of how many threads so far, for monitoring."""
    return _kept
