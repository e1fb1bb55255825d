"""The process that carries bytes between nodes and the engine: nothing else runs in its interpreter.

Images do not wait there for the engine's other threads, and the kernel moves them (``splice``) without copying them
into the process. It is started with one end of a socket as standard input: ``carry KEY`` comes with the connections of
the node and to the engine, ``end KEY`` cuts them off; it answers ``over KEY`` when either side has closed. When the
other end closes it exits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import sys

CARRY, END, OVER = b"carry", b"end", b"over"
MOST_MESSAGE_BYTES = 64
_PIPE_BYTES = 512 * 1024
_AT_ONCE = 1024 * 1024
_TURNS = 8
"""Pieces of one connection before it is another's turn."""
_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class OneWay:
    """From one connection to another, through a pipe."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.out, self.into = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.held = 0
        """Bytes in the pipe that ``target`` does not take yet."""
        with contextlib.suppress(OSError):  # one account has only so many large ones: a smaller one carries as well
            fcntl.fcntl(self.into, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def move(self) -> bool:
        """Carry what is there; false at the end of ``source``.

        :raises OSError: either side has broken off
        """
        for _ in range(_TURNS):
            try:
                if not self.held:
                    self.held = os.splice(self.source.fileno(), self.into, _AT_ONCE, flags=_FLAGS)
                    if not self.held:
                        return False
                self.held -= os.splice(self.out, self.target.fileno(), self.held, flags=_FLAGS)
            except BlockingIOError:
                break
        return True

    def close(self) -> None:
        os.close(self.out)
        os.close(self.into)


class Carried:
    """One association: both ways."""

    def __init__(self, key: bytes, node: socket.socket, engine: socket.socket) -> None:
        """:raises OSError: there are no more file descriptors; both are closed"""
        self.key, self.node, self.engine = key, node, engine
        self.ways: list[OneWay] = []
        try:
            for source, target in ((node, engine), (engine, node)):
                self.ways.append(OneWay(source, target))
        except OSError:
            self.close()
            raise

    def wanted(self, side: socket.socket) -> int:
        """What to wait for at a side: its bytes unless those before are still on their way, and room for others'."""
        wanted = 0
        for way in self.ways:
            if way.source is side and not way.held:
                wanted |= select.EPOLLIN
            if way.target is side and way.held:
                wanted |= select.EPOLLOUT
        return wanted

    def close(self) -> None:
        for side in (self.node, self.engine):
            side.close()
        for way in self.ways:
            way.close()


class Carrier:
    """All of them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)
        self._by_key: dict[bytes, Carried] = {}
        self._by_number: dict[int, Carried] = {}

    def run(self) -> None:
        """Until nobody is at the other end of the control socket."""
        while True:
            is_told = False
            for number, events in self._poll.poll():
                if number == self._control.fileno():
                    is_told = True
                else:
                    self._move(number, is_broken=bool(events & (select.EPOLLERR | select.EPOLLHUP)))
            # last: new connections may have the numbers of those that have just ended
            if is_told and not self._told():
                return

    def _told(self) -> bool:
        message, numbers, _, _ = socket.recv_fds(self._control, MOST_MESSAGE_BYTES, 2)
        if not message:
            return False
        word, key = message.split(b" ")
        if word == CARRY:
            sides = [socket.socket(fileno=number) for number in numbers]
            try:
                carried = Carried(key, *sides)
            except (OSError, TypeError):  # this one cannot be carried, the others go on; TypeError: not both came
                for side in sides:
                    side.close()
                self._control.send(OVER + b" " + key)
                return True
            self._by_key[key] = carried
            for side in sides:
                self._by_number[side.fileno()] = carried
                self._poll.register(side, carried.wanted(side))
        elif key in self._by_key:
            self._end(self._by_key[key])
        return True

    def _move(self, number: int, *, is_broken: bool) -> None:
        carried = self._by_number.get(number)
        if carried is None:  # ended by what came before it in the same turn
            return
        goes_on = True
        for way in carried.ways:
            try:  # also when the other way has ended: the engine's last words may say why
                goes_on = way.move() and goes_on
            except OSError:
                goes_on = False
            # who has broken off is told of at once, again and again: not to be waited for, whoever is slow to take
            if is_broken and way.source.fileno() == number and way.held:
                goes_on = False
        if not goes_on:
            self._end(carried)
            return
        for side in (carried.node, carried.engine):
            self._poll.modify(side, carried.wanted(side))

    def _end(self, carried: Carried) -> None:
        del self._by_key[carried.key]
        for side in (carried.node, carried.engine):
            del self._by_number[side.fileno()]
            self._poll.unregister(side)
        carried.close()
        self._control.send(OVER + b" " + carried.key)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the engine, whose end ends this
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):  # an association needs six
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with socket.socket(fileno=0) as end:
        end.setblocking(True)
        Carrier(end).run()
    sys.exit(0)
