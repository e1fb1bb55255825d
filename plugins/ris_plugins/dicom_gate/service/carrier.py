"""The gate's side of the process that carries bytes (:mod:`ris_plugins.dicom_gate.service.carrier_program`)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from ris_plugins.dicom_gate.service.carrier_program import CARRY, END, MOST_MESSAGE_BYTES

log = logging.getLogger(__name__)

_PROGRAM: Final = Path(__file__).with_name("carrier_program.py")


class Carrier:
    """Starts the process when the first connections are given to it, and again when it has died.

    All methods are called on one asyncio loop.
    """

    def __init__(self) -> None:
        self._python = shutil.which("python3")
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._over: dict[bytes, Callable[[], None]] = {}
        self._keys = count(1)

    @property
    def can(self) -> bool:
        """Whether there is an interpreter for it."""
        return self._python is not None

    def carry(self, node: socket.socket, engine: socket.socket, over: Callable[[], None]) -> bytes:
        """Let it carry between two connections, which are its own from now on.

        :param over: called when either side has closed, the process has died, or after :meth:`end`
        :returns: for :meth:`end`
        :raises OSError: the process cannot be started or does not take them
        """
        key = b"%d" % next(self._keys)
        with node, engine:
            control = self._control or self._start()
            socket.send_fds(control, [CARRY + b" " + key], [node.fileno(), engine.fileno()])
        self._over[key] = over
        return key

    def end(self, key: bytes) -> None:
        """Cut off both connections at once."""
        if self._control is not None and key in self._over:
            with contextlib.suppress(OSError):  # it has just died, which ends all of them
                self._control.send(END + b" " + key)

    def close(self) -> None:
        """End the process, and with it everything that it carries."""
        control, process, over = self._control, self._process, self._over
        self._control, self._process, self._over = None, None, {}
        if control is not None:
            asyncio.get_running_loop().remove_reader(control)
            control.close()
        if process is not None:
            process.wait()  # it ends when nobody is at the other end
        for tell in over.values():
            tell()

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [self._python or "python3", "-I", "-S", str(_PROGRAM)], stdin=theirs.fileno(), start_new_session=True
            )
        control.setblocking(False)
        asyncio.get_running_loop().add_reader(control, self._told)
        self._control = control
        return control

    def _told(self) -> None:
        try:
            message = self._control.recv(MOST_MESSAGE_BYTES) if self._control else b""
        except ConnectionError:
            message = b""
        if not message:
            log.error("DICOM: the process that carries images has died; nodes that were sending will send again")
            self.close()
            return
        over = self._over.pop(message.split(b" ")[1], None)
        if over is not None:
            over()
