"""The program that prints a layout that somebody wrote: reads a ``Task`` from its input, writes an ``Answer``."""

from __future__ import annotations

import resource
import sys
from typing import Final

import msgspec

from ris_core.print_layouts.apart import Answer
from ris_core.print_layouts.arranging import DocumentNotMade, Task, laid_out
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.print_layouts.typesetting import DocumentTooLarge

_MEMORY_BYTES: Final = 1024 * 1024 * 1024
_PROCESSOR_SECONDS: Final = 10
_FILE_BYTES: Final = 4 * 1024 * 1024
"""The layout engine writes the fonts to temporary files."""


def answer_to(task: Task) -> Answer:
    try:
        return Answer(printed=laid_out(task))
    except LayoutFaulty as error:
        return Answer(fault=error.detail.partition(": ")[2] if error.line else error.detail, line=error.line)
    except DocumentNotMade as error:
        return Answer(fault=error.detail)
    except DocumentTooLarge as error:
        return Answer(fault=error.detail, too_large=True)


def main() -> None:
    """Standard input to standard output, both MessagePack."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer_to(task)))


if __name__ == "__main__":
    main()
