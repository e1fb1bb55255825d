"""Another system's program that webhooks are posted to: keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ris_core.webhooks.rules import signature

Behaviour = Callable[[http.server.BaseHTTPRequestHandler], None]


def accepts(handler: http.server.BaseHTTPRequestHandler) -> None:
    """The usual answer."""
    handler.send_response(204)
    handler.end_headers()


def is_ours(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """What a receiver checks before it believes an event."""
    return headers["Quang-Signature"] == signature(secret, int(headers["Quang-Timestamp"]), body)


class EventReceiver:
    """Listens on loopback until :meth:`close`.

    :param port: 0: a free one
    """

    def __init__(self, port: int = 0) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.behaviours: list[Behaviour] = []
        """Of the next requests, one each; afterwards all are accepted."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                behaviour = receiver.behaviours.pop(0) if receiver.behaviours else accepts
                behaviour(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/events"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
