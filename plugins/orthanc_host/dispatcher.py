"""Subscriptions of the plugins, and what happens when the engine calls: the same for Orthanc and for the fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from orthanc_host.background import BackgroundThreads
from orthanc_host.errors import EngineError, HandlerTaken
from orthanc_host.guard import Guard
from orthanc_host.host import (
    ArrivingImage,
    Change,
    ChangeHandler,
    EngineRest,
    FilterHandler,
    HttpRequest,
    HttpResponse,
    Origin,
    ReceivedHandler,
    RouteHandler,
    Stopping,
    StoreAnswer,
    StoreHandler,
    WorklistHandler,
    WorklistReply,
    WorklistRequest,
)
from orthanc_host.refusals import Refusals
from ris_core.errors import (
    EditConflict,
    IdentityConflict,
    InvalidValue,
    NotFound,
    NotPermitted,
    QuangError,
    TransitionRefused,
)

HTTP_STATUS: tuple[tuple[type[QuangError], int], ...] = (
    (InvalidValue, 400),
    (NotPermitted, 403),
    (NotFound, 404),
    (TransitionRefused, 409),
    (IdentityConflict, 409),
    (EditConflict, 409),
    (EngineError, 502),
)
"""The status of each error at the HTTP edge; any other is 500."""


class Dispatcher:
    """A :class:`~orthanc_host.host.Host` whose callbacks somebody else calls."""

    def __init__(self, guard: Guard, rest: EngineRest) -> None:
        self.guard = guard
        self._rest = rest
        self._background = BackgroundThreads(guard.journal)
        self._start: list[Callable[[], None]] = []
        self._stop: list[Callable[[], None]] = []
        self._change: dict[str, list[ChangeHandler]] = {}
        self._worklist: WorklistHandler | None = None
        self._filters: list[FilterHandler] = []
        self._stores: StoreHandler | None = None
        self._received: ReceivedHandler | None = None
        self._refusals = Refusals()
        self._routes: dict[str, RouteHandler] = {}
        self._address_behind: Callable[[str], str] = str

    # ---- what plugins call ----

    @property
    def rest(self) -> EngineRest:
        return self._rest

    def on_start(self, handler: Callable[[], None]) -> None:
        self._start.append(handler)

    def on_stop(self, handler: Callable[[], None]) -> None:
        self._stop.insert(0, handler)

    def on_change(self, kind: str, handler: ChangeHandler) -> None:
        self._change.setdefault(kind, []).append(handler)

    def on_worklist(self, handler: WorklistHandler) -> None:
        if self._worklist is not None:
            raise HandlerTaken("another plugin answers worklist queries already")
        self._worklist = handler

    def name_callers(self, address_behind: Callable[[str], str]) -> None:
        self._address_behind = address_behind

    def filter_requests(self, handler: FilterHandler) -> None:
        self._filters.append(handler)

    def filter_stores(self, handler: StoreHandler) -> None:
        if self._stores is not None:
            raise HandlerTaken("another plugin decides already which images are stored")
        self._stores = handler

    def on_received(self, handler: ReceivedHandler) -> None:
        if self._received is not None:
            raise HandlerTaken("another plugin looks already at what is received")
        self._received = handler

    def route(self, path: str, handler: RouteHandler) -> None:
        if path in self._routes:
            raise HandlerTaken(f"another plugin serves {path} already")
        self._routes[path] = handler

    def in_background(self, name: str, run: Callable[[Stopping], None], *, after_images: bool = False) -> None:
        self._background.add(name, run, after_images=after_images)

    def report(self, event: str, **values: object) -> None:
        self.guard.journal.warning(event, **values)

    def guarded(self, name: str) -> AbstractContextManager[None]:
        return self.guard.unit(name)

    # ---- what the engine calls ----

    def started(self) -> None:
        """The engine is ready."""
        for handler in self._start:
            self._unless_it_fails("start", handler)
        self._background.start()

    def stopped(self) -> None:
        """The engine stops; afterwards nothing of ours runs any more."""
        for handler in self._stop:
            self._unless_it_fails("stop", handler)
        self._background.stop()

    def changed(self, change: Change) -> None:
        """Each subscriber of the change's kind, whatever happens to the others."""
        for handler in self._change.get(change.kind, ()):
            self._unless_it_fails(f"change {change.kind}", lambda handler=handler: handler(change))  # type: ignore[misc]

    def answer_worklist(self, request: WorklistRequest) -> WorklistReply:
        """The handler's reply.

        :raises EngineError: when it failed; without the cause, whose text the engine would log
        """
        assert self._worklist is not None  # noqa: S101 (the engine is asked to call only what is subscribed)
        try:
            with self.guard.unit("worklist"):
                return self._worklist(replace(request, address=self._address_behind(request.address)))
        except Exception:  # noqa: BLE001 (logged by the guard; ends in a failure status)
            failure = EngineError("the worklist could not be read; the query fails")
        raise failure

    def allows(self, request: HttpRequest) -> bool:
        """Whether every filter lets the request in. Errors go on: the engine then answers 500 and serves nothing."""
        with self.guard.measured("http filter"):
            return all(allows(request) for allows in self._filters)

    def receive(self, file: bytes, origin: Origin) -> bytes | None:
        """None: the engine may do with the file what it does. Else a file to take instead, which it will refuse."""
        assert self._received is not None  # noqa: S101 (the engine is asked to call only what is subscribed)
        try:
            with self.guard.measured("received"):
                if self._received(file, origin):
                    return None
        except Exception:  # noqa: BLE001, S110 (logged by the guard; ends in a refusal)
            pass
        return self._refusals.begin(file)

    def answer_store(self, image: ArrivingImage) -> StoreAnswer:
        """What the device is answered; an error refuses the image, which the device then still has."""
        try:
            with self.guard.measured("store filter"):
                answer = self._stores(image) if self._stores else StoreAnswer.STORE
                return StoreAnswer.TRY_AGAIN if self._refusals.ends(image) else answer
        except Exception:  # noqa: BLE001 (logged by the guard; ends in a refusal)
            return StoreAnswer.TRY_AGAIN

    def serve(self, path: str, request: HttpRequest) -> HttpResponse:
        """The answer of the route registered as ``path``; errors become their status."""
        try:
            with self.guard.unit(f"route {path}"):
                return self._routes[path](request)
        except QuangError as error:
            status = next((status for kind, status in HTTP_STATUS if isinstance(error, kind)), 500)
            return _problem(status, {"code": error.code, "detail": error.detail, "field": error.field})
        except Exception:  # noqa: BLE001 (logged by the guard; its text is nothing for the caller)
            return _problem(500, {"code": "QUANG-0000", "detail": "internal error; see the engine's log"})

    def _unless_it_fails(self, name: str, handler: Callable[[], None]) -> None:
        try:
            with self.guard.unit(name):
                handler()
        except Exception:  # noqa: BLE001, S110 (logged by the guard; the engine could do nothing with it)
            pass


def _problem(status: int, body: dict[str, str]) -> HttpResponse:
    """RFC 9457."""
    content = json.dumps({"type": "about:blank", "status": status, **body}, ensure_ascii=False).encode()
    return HttpResponse(status, content, "application/problem+json")
