"""What a plugin may ask of the engine: the face shared by the real Orthanc and the fake of the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened in Orthanc (``/changes``)."""

    kind: str
    """Name of Orthanc's change type: ``NEW_STUDY``, ``STABLE_STUDY``, ``DELETED``, ``UPDATED_MODALITIES`` …"""
    orthanc_id: str
    """The resource it happened to; empty for changes without one."""


@dataclass(frozen=True, slots=True)
class WorklistRequest:
    """A C-FIND of the Modality Worklist information model."""

    identifier: bytes
    """The query's identifier as a DICOM file (Part 10)."""
    calling_ae_title: str
    called_ae_title: str
    address: str = ""
    """IP address of the caller; empty where the engine does not tell it."""


@dataclass(frozen=True, slots=True)
class WorklistReply:
    """The answers to a worklist query."""

    answers: Sequence[bytes]
    """DICOM files; the engine takes from each the return keys that were asked."""
    complete: bool = True
    """False: there were more matches than may be answered; the engine then ends with status FE00."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the engine's HTTP server."""

    method: str
    """``GET``, ``POST``, ``PUT`` or ``DELETE``."""
    path: str
    """As the engine's server decoded it, without the query string."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name. The engine keeps one value of a repeated header."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Arguments of a GET. The engine keeps one value of a repeated argument, and tells none of other methods."""
    body: bytes = b""
    """Empty while filtering: the engine asks the filter before it reads the body."""
    address: str = ""
    """Address of the TCP peer (the front door); known while filtering only."""
    groups: tuple[str, ...] = ()
    """What the route's groups matched."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The answer of a route."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class StoreAnswer(IntEnum):
    """What a device is answered to C-STORE (PS3.4 B.2.3, PS3.7 C.5.12)."""

    STORE = 0x0000
    NOT_AUTHORISED = 0x0124
    TRY_AGAIN = 0xA700
    """Refused, out of resources: the device keeps the image and sends it again."""


class Origin(Enum):
    """On which way a file comes into the engine."""

    DEVICE = auto()
    """DICOM: C-STORE, also of what was asked for by C-GET and C-MOVE."""
    REST = auto()
    """The engine's REST API."""
    OTHER = auto()
    """Other plugins, scripts, folders."""


class ArrivingImage(Protocol):
    """An image that has come by C-STORE and is not stored yet. Asked only for what is needed: each costs time."""

    @property
    def ae_title(self) -> str:
        """Of who sends it."""

    def file(self) -> bytes:
        """The whole DICOM file as the engine would store it: a copy."""


class EngineRest(Protocol):
    """Orthanc's own REST API, called inside the process: no HTTP, no filter, no token.

    Answers are bodies as bytes. Every method raises :class:`~orthanc_host.errors.EngineError` when Orthanc answers
    with anything but success; ``plugins=True`` also reaches the routes of other plugins (``/dicom-web``).
    """

    def get(self, path: str, *, plugins: bool = False) -> bytes: ...
    def post(self, path: str, body: bytes, *, plugins: bool = False) -> bytes: ...
    def put(self, path: str, body: bytes, *, plugins: bool = False) -> bytes: ...
    def delete(self, path: str, *, plugins: bool = False) -> None: ...


class Stopping(Protocol):
    """Tells a background thread that Orthanc stops (the reading half of :class:`threading.Event`)."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


ChangeHandler = Callable[[Change], None]
WorklistHandler = Callable[[WorklistRequest], WorklistReply]
FilterHandler = Callable[[HttpRequest], bool]
StoreHandler = Callable[[ArrivingImage], StoreAnswer]
ReceivedHandler = Callable[[bytes, Origin], bool]
RouteHandler = Callable[[HttpRequest], HttpResponse]


class Host(Protocol):
    """What ``register(host, settings)`` gets. Every handler runs inside the guard: with a database connection lent to
    it, measured, its errors logged without patient data and mapped to the edge it serves."""

    @property
    def rest(self) -> EngineRest:
        """Orthanc's REST API in process; not before Orthanc has started (:meth:`on_start`)."""

    def on_start(self, handler: Callable[[], None]) -> None:
        """Run once when Orthanc's REST API is ready. An error is logged; the other handlers still run."""

    def on_stop(self, handler: Callable[[], None]) -> None:
        """Run once when Orthanc stops, before background threads are joined, last registered first."""

    def on_change(self, kind: str, handler: ChangeHandler) -> None:
        """Run ``handler`` for each change of one kind (``NEW_STUDY`` …), all on one thread of the engine.

        A handler only writes a durable job: an error is logged and the change is lost (a sweeper must find it).
        Several handlers of one kind do not see each other's errors.
        """

    def on_worklist(self, handler: WorklistHandler) -> None:
        """Answer worklist queries. There is one handler; a second is refused.

        An error ends the query with a failure status (C000), never with an empty list. The engine asks for one query
        at a time, so the handler's time bounds how many it answers in a second.
        """

    def name_callers(self, address_behind: Callable[[str], str]) -> None:
        """Who passes associations on to the engine tells the address of who stands behind: what the engine sees is
        replaced by it before a handler is asked."""

    def filter_requests(self, handler: FilterHandler) -> None:
        """Decide on each HTTP request before the engine sees it; all filters must say True. An error refuses (500).

        No database connection is lent here: this runs for each request, so keep what it needs in memory.
        """

    def filter_stores(self, handler: StoreHandler) -> None:
        """Decide on each image that comes by C-STORE and is new to the engine; there is one handler.

        An error refuses the image (A700): the device keeps it. No database connection is lent here: this runs for
        each image.
        """

    def on_received(self, handler: ReceivedHandler) -> None:
        """Look at each file that comes from outside, also when the engine has its UID already; there is one handler.

        False, or an error: the engine must not acknowledge it, and the device is told to send it again. No database
        connection is lent here: this runs for each image.
        """

    def route(self, path: str, handler: RouteHandler) -> None:
        """Serve ``path`` (a regular expression on the whole path) at the engine's HTTP server.

        A :class:`~ris_core.errors.QuangError` becomes problem+json with its status, any other error a bare 500.
        """

    def in_background(self, name: str, run: Callable[[Stopping], None], *, after_images: bool = False) -> None:
        """Run a thread from the start of Orthanc to its stop; ``run`` returns soon after its argument is set.

        Where processors are short, one that is to run ``after_images`` waits for the threads that store and serve them.

        A ``run`` that raises is logged and started again after a pause. No database connection is lent to the thread
        as a whole: wrap each unit of work in :meth:`guarded`.
        """

    def report(self, event: str, **values: object) -> None:
        """A warning in the engine's log; never with patient data."""

    def guarded(self, name: str) -> AbstractContextManager[None]:
        """A unit of work outside the callbacks (one message, one batch): lends a database connection, measures.

        Errors are counted and go on to the caller.
        """
