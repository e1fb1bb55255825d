"""A host for tests: subscriptions are real, the engine's calls are made by the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orthanc_host.connections import ConnectionSource, OwnConnections
from orthanc_host.dispatcher import Dispatcher
from orthanc_host.errors import EngineError
from orthanc_host.guard import Guard
from orthanc_host.journal import Journal


class ListSink:
    """Log lines in a list, as ``(level, line)``."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def info(self, line: str) -> None:
        self.lines.append(("info", line))

    def warning(self, line: str) -> None:
        self.lines.append(("warning", line))

    def error(self, line: str) -> None:
        self.lines.append(("error", line))


@dataclass(frozen=True)
class AnImage:
    """An image that arrives (:class:`~orthanc_host.host.ArrivingImage`)."""

    ae_title: str
    content: bytes = b""

    def file(self) -> bytes:
        return self.content


class FakeRest:
    """Orthanc's REST API as a dictionary: PUT and POST keep the body under the path, GET gives it back."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.calls: list[tuple[str, str, bytes]] = []

    def get(self, path: str, *, plugins: bool = False) -> bytes:
        self.calls.append(("GET", path, b""))
        if path not in self.bodies:
            raise EngineError("unknown resource", field=path)
        return self.bodies[path]

    def post(self, path: str, body: bytes, *, plugins: bool = False) -> bytes:
        self.calls.append(("POST", path, body))
        self.bodies[path] = body
        return b"{}"

    def put(self, path: str, body: bytes, *, plugins: bool = False) -> bytes:
        self.calls.append(("PUT", path, body))
        self.bodies[path] = body
        return b"{}"

    def delete(self, path: str, *, plugins: bool = False) -> None:
        self.calls.append(("DELETE", path, b""))
        if self.bodies.pop(path, None) is None:
            raise EngineError("unknown resource", field=path)


class FakeHost(Dispatcher):
    """Call :meth:`started`, :meth:`changed`, :meth:`answer_worklist`, :meth:`allows`, :meth:`serve`, :meth:`stopped`
    as Orthanc would. Log lines are in ``log``; ``fake_rest`` stands for Orthanc's REST API. Background threads are
    started by :meth:`started` only when ``threads`` is true.
    """

    def __init__(self, *, connections: ConnectionSource | None = None, threads: bool = False) -> None:
        self.log = ListSink()
        self.fake_rest = FakeRest()
        super().__init__(Guard(connections or OwnConnections(), Journal(self.log)), self.fake_rest)
        self._threads_wanted = threads
        self.background: dict[str, Callable[..., None]] = {}

    def in_background(self, name: str, run: Callable[..., None], *, after_images: bool = False) -> None:
        self.background[name] = run
        if self._threads_wanted:
            super().in_background(name, run, after_images=after_images)
