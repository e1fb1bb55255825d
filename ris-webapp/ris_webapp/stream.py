"""Server-sent events for live screens: ``GET /events`` (``ris_webapp/events.py`` is what uvicorn runs).

One poll of the database every half second serves every listener of the process. Each listener has a bounded queue:
one that does not keep up is told to load its page anew (``resync``) instead of growing the memory of all. A beat every
15 seconds keeps proxies from closing the line and tells the page that it is alive; the session is checked again at
every fourth beat, so that a logout ends the stream too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ris_webapp.feed import Batch, Feed, since
from ris_webapp.numbers import whole_number
from ris_webapp.sessions import session_is_alive

POLL_SECONDS = 0.5
BEAT_SECONDS = 15.0
BEATS_BETWEEN_CHECKS = 4
QUEUE_LENGTH = 64
RETRY_MILLISECONDS = 2000

T = TypeVar("T")
log = structlog.get_logger("events")

# one thread, so that one database connection serves the whole process
_database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")


async def _in_database(function: Callable[..., T], *arguments: Any) -> T:
    def call() -> T:
        close_old_connections()
        return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(_database, call)


class Listeners:
    """Everybody who listens, each with a queue of messages that have not been sent yet."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()

    def __len__(self) -> int:
        return len(self._queues)

    @contextlib.contextmanager
    def joined(self) -> Any:
        """A queue for as long as somebody listens; ``None`` in it says that it had overflowed."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def tell(self, message: str) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(message)


def event(name: str, data: str = "", position: int | None = None) -> str:
    """One event of the stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    identity = f"id: {position}\n" if position is not None else ""
    return f"{identity}event: {name}\ndata: {data}\n\n"


def message_of(batch: Batch) -> str:
    return event("change", json.dumps(batch.changes, separators=(",", ":")), batch.position)


listeners = Listeners()
feed = Feed()


async def _poll() -> None:
    """Read the feed, also while nobody listens, so that whoever joins misses nothing; a database that is away is asked
    again."""
    started = False
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            if not started:
                await _in_database(feed.start)
                started = True
                continue
            batch = await _in_database(feed.read)
        except DatabaseError as error:
            log.warning("feed not read", error=type(error).__name__)
            continue
        if batch.changes:
            listeners.tell(message_of(batch))


async def events(request: Request) -> Response:
    """The stream for one page: from ``after``, the feed's position when the page was made, or from where the connection
    was cut off (``Last-Event-ID``)."""
    session_key = request.cookies.get(settings.SESSION_COOKIE_NAME, "")
    try:
        if not await _in_database(session_is_alive, session_key):
            return JSONResponse({"title": "log in first", "status": 401}, 401, media_type="application/problem+json")
    except DatabaseError:
        return JSONResponse({"title": "database away", "status": 503}, 503, media_type="application/problem+json")
    last = request.headers.get("Last-Event-ID", "") or request.query_params.get("after", "")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _stream(session_key, whole_number(last))
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(session_key: str, last: int | None) -> AsyncIterator[str]:
    with listeners.joined() as queue:
        yield f"retry: {RETRY_MILLISECONDS}\n\n" + event("beat")
        if last is not None:
            missed = await _in_database(since, last)
            yield event("resync") if missed is None else message_of(missed)
        beats = 0
        while True:
            try:
                message = await asyncio.wait_for(queue.get(), BEAT_SECONDS)
            except TimeoutError:
                beats += 1
                if beats % BEATS_BETWEEN_CHECKS == 0 and not await _in_database(session_is_alive, session_key):
                    return
                yield event("beat")
                continue
            yield event("resync") if message is None else message


async def healthz(request: Request) -> Response:
    """Alive, and how many listen."""
    return JSONResponse({"status": "ok", "listeners": len(listeners)})


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    poll = asyncio.create_task(_poll())
    yield
    poll.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await poll


application = Starlette(
    routes=[Route("/events", events), Route("/events/healthz", healthz)],
    lifespan=_lifespan,
)
