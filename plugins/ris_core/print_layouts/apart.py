"""Prints what somebody wrote in a process of its own: without database, secrets or environment, within bounds."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec

from ris_core.print_layouts.arranging import DocumentNotMade, Task
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.print_layouts.typesetting import DocumentTooLarge, Printed

TIMEOUT_SECONDS: Final = 45.0
"""By the clock; what counts is the processor time (:mod:`.apart_program`), of which a busy machine gives less."""
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_SECONDS: Final = 20.0
_PACKAGES: Final = str(Path(__file__).parents[2])


class Answer(msgspec.Struct, frozen=True):
    """What the process answers: pages, or what is wrong."""

    printed: Printed | None = None
    fault: str = ""
    line: int = 0
    too_large: bool = False


def printed_apart(task: Task) -> Printed:
    """:raises LayoutFaulty: it cannot be printed, or takes more time or memory than a layout may
    :raises DocumentTooLarge: more than 8 MB
    :raises DocumentNotMade: others are being printed; that is no fault of the layout
    """
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise DocumentNotMade("other layouts are being printed: try again in a moment")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ris_core.print_layouts.apart_program"],
            input=msgspec.msgpack.encode(task),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
            cwd="/",
            env={"PYTHONPATH": _PACKAGES, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
        )
        answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    except (subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise LayoutFaulty("printing took more time or memory than a layout may") from error
    finally:
        _AT_ONCE.release()
    if answer.too_large:
        raise DocumentTooLarge(answer.fault)
    if answer.printed is None:
        raise LayoutFaulty(answer.fault, line=answer.line)
    return answer.printed
