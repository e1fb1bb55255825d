"""The state that Python keeps of a thread of the engine's outlives its callbacks."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

import pytest

from orthanc_host.thread_states import keep_thread_state, thread_states_kept

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def states_seen_on_a_foreign_thread(callback: Callable[[], None]) -> tuple[int, int]:
    """Callbacks made by one thread that is not Python's, and how many of them found a new state."""
    local, seen, errors = threading.local(), [], []

    def called(_info: object, _size: int, _data: object) -> int:
        try:
            callback()
            seen.append(not hasattr(local, "been_here"))
            local.been_here = True
        except Exception as error:  # noqa: BLE001 (shown by the test's own thread)
            errors.append(error)
        return 0

    libc, kept_alive, thread = ctypes.CDLL(None), _CALLBACK(called), ctypes.c_ulong()
    # the C library calls back once for each library that is loaded, and goes through no Python in between
    if libc.pthread_create(ctypes.byref(thread), None, libc.dl_iterate_phdr, kept_alive):
        raise OSError("no thread")
    libc.pthread_join(thread, None)
    assert not errors
    return len(seen), sum(seen)


def test_a_new_state_for_each_callback_is_what_the_engine_would_have() -> None:
    calls, states = states_seen_on_a_foreign_thread(lambda: None)

    assert calls > 3
    assert states == calls


def test_a_kept_state_serves_all_callbacks_of_its_thread() -> None:
    before = thread_states_kept()

    calls, states = states_seen_on_a_foreign_thread(keep_thread_state)

    assert calls > 3
    assert states == 1
    assert thread_states_kept() == before + 1


@pytest.mark.parametrize("times", [1, 3])
def test_each_thread_is_counted_once(times: int) -> None:
    before = thread_states_kept()
    for _ in range(times):
        states_seen_on_a_foreign_thread(keep_thread_state)

    assert thread_states_kept() == before + times
