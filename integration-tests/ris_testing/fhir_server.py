"""Another system's FHIR R4 server, as an EMR has one: takes transactions of conditional updates over real HTTP, refuses
what is no valid resource, and keeps every version that it was given."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

Answer = tuple[int, dict[str, Any]]


class FhirServer:
    """Listens on loopback; :meth:`stop` and :meth:`start` again plays one that is down for a while.

    A PUT of ``Type?identifier=system|value`` makes the resource, or a further version of the one with that identifier
    (R4 3.1.0.7.1.1). ``outcomes`` are the statuses that the next transactions are refused with.
    """

    def __init__(self, token: str = "") -> None:
        self.port = 0
        self.outcomes: list[int] = []
        self.refused: list[str] = []
        """What was wrong with what came."""
        self._token = token
        self._versions: dict[str, list[dict[str, Any]]] = {}
        self._server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def start(self) -> Self:
        """Listen; the same port again after a stop."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self._transaction))
        server.daemon_threads = True
        self.port, self._server = server.server_address[1], server
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def versions(self, resource_type: str) -> list[dict[str, Any]]:
        """Every version of every resource of a type, each resource's in the order of their coming."""
        of_type = [versions for key, versions in self._versions.items() if key.startswith(f"{resource_type}?")]
        return [version for versions in of_type for version in versions]

    def _transaction(self, path: str, headers: Any, body: bytes) -> Answer:
        if self._token and headers["Authorization"] != f"Bearer {self._token}":
            return self._refusal(401, "no token")
        if self.outcomes:
            return self._refusal(self.outcomes.pop(0), "as told")
        if urlsplit(path).path.rstrip("/") != "/fhir" or headers["Content-Type"] != "application/fhir+json":
            return self._refusal(400, f"{path} {headers['Content-Type']}")
        try:
            bundle = json.loads(body)
            get_fhir_model_class("Bundle").model_validate(bundle)
            entries = [(_key(entry["request"]), entry["resource"]) for entry in bundle["entry"]]
            for _, resource in entries:
                get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        except (ValidationError, KeyError, ValueError) as error:
            return self._refusal(422, str(error))
        answers = []
        for key, resource in entries:
            history = self._versions.setdefault(key, [])
            history.append({**resource, "meta": {"versionId": str(len(history) + 1)}})
            answers.append({"response": {"status": "201 Created" if len(history) == 1 else "200 OK"}})
        return 200, {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def _refusal(self, status: int, why: str) -> Answer:
        self.refused.append(why)
        issue = {"severity": "error", "code": "processing", "diagnostics": why[:200]}
        return status, {"resourceType": "OperationOutcome", "issue": [issue]}


def _key(request: dict[str, Any]) -> str:
    """By which a resource is known again.

    :raises ValueError: the request is no conditional update
    """
    address = urlsplit(request["url"])
    identifiers = parse_qs(address.query).get("identifier", [])
    if request["method"] != "PUT" or len(identifiers) != 1 or "|" not in identifiers[0]:
        raise ValueError(f"no conditional update: {request}")
    return f"{address.path}?{identifiers[0]}"


def _handler(answer: Callable[[str, Any, bytes], Answer]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
