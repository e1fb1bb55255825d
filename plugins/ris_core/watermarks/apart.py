"""Marks a document that somebody else made in a process of its own, within bounds of time and memory.

Also the program that does it: reads what :func:`marked_apart` writes, and writes the marked document.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec

from ris_core.errors import InvalidValue

TIMEOUT_SECONDS: Final = 30.0
"""By the clock; what counts is the processor time."""
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_SECONDS: Final = 0.2
"""A thread that waits serves no page."""
_MEMORY_BYTES: Final = 1024 * 1024 * 1024
_PROCESSOR_SECONDS: Final = 15
_PACKAGES: Final = str(Path(__file__).parents[2])


class OthersBeingMarked(InvalidValue):
    """As many documents as may be are being marked: asked again in a moment it is marked."""


class Task(msgspec.Struct, frozen=True):
    """What the process is given."""

    pdf: bytes
    mark: str


def marked_apart(pdf: bytes, mark: str) -> bytes:
    """As :func:`ris_core.watermarks.documents.marked_document`.

    :raises OthersBeingMarked: not now
    :raises InvalidValue: also when it takes more time or memory than a document may
    """
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise OthersBeingMarked("other documents are being marked: try again in a moment", field="document")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ris_core.watermarks.apart"],
            input=msgspec.msgpack.encode(Task(pdf, mark)),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
            cwd="/",
            env={"PYTHONPATH": _PACKAGES, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
        )
    except subprocess.SubprocessError as error:
        raise InvalidValue("the document cannot be marked", field="document") from error
    finally:
        _AT_ONCE.release()
    return done.stdout


def main() -> None:
    """Standard input to standard output; whatever goes wrong ends it with an error."""
    import resource

    from ris_core.watermarks.documents import marked_document

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(marked_document(task.pdf, task.mark))


if __name__ == "__main__":
    main()
