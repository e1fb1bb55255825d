"""The real engine: registers Orthanc's callbacks, each once, and turns its arguments into our types.

The only module that imports ``orthanc``; it can only be imported inside Orthanc.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
from typing import Any

import orthanc

from orthanc_host.associations import hang_up_when_stopping
from orthanc_host.connections import LentConnections
from orthanc_host.dispatcher import Dispatcher
from orthanc_host.errors import EngineError
from orthanc_host.guard import Guard
from orthanc_host.host import Change, HttpRequest, HttpResponse, Origin, WorklistRequest
from orthanc_host.journal import Journal, JournalHandler
from orthanc_host.thread_states import keep_thread_state, thread_states_kept

CALLBACKS_PATH = "/quang/callbacks"
_METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE"}
"""OrthancPluginHttpMethod; the filter gets the number, a route the word."""
_CHANGES = {value: name for name, value in vars(orthanc.ChangeType).items() if isinstance(value, int)}
_ORIGINS = {
    orthanc.InstanceOrigin.DICOM_PROTOCOL: Origin.DEVICE,
    orthanc.InstanceOrigin.REST_API: Origin.REST,
}


class OrthancLog:
    """Lines into Orthanc's own log."""

    def info(self, line: str) -> None:
        orthanc.LogInfo(line)

    def warning(self, line: str) -> None:
        orthanc.LogWarning(line)

    def error(self, line: str) -> None:
        orthanc.LogError(line)


class _Arriving:
    """:class:`~orthanc_host.host.ArrivingImage` over Orthanc's own object."""

    __slots__ = ("_instance",)

    def __init__(self, instance: Any) -> None:
        self._instance = instance

    @property
    def ae_title(self) -> str:
        title: str = self._instance.GetInstanceRemoteAet()
        return title

    def file(self) -> bytes:
        data: bytes = self._instance.GetInstanceData()
        return data


class InProcessRest:
    """Orthanc's REST API through the plugin SDK (see :class:`~orthanc_host.host.EngineRest`)."""

    def get(self, path: str, *, plugins: bool = False) -> bytes:
        return self._call(orthanc.RestApiGetAfterPlugins if plugins else orthanc.RestApiGet, path)

    def post(self, path: str, body: bytes, *, plugins: bool = False) -> bytes:
        return self._call(orthanc.RestApiPostAfterPlugins if plugins else orthanc.RestApiPost, path, body)

    def put(self, path: str, body: bytes, *, plugins: bool = False) -> bytes:
        return self._call(orthanc.RestApiPutAfterPlugins if plugins else orthanc.RestApiPut, path, body)

    def delete(self, path: str, *, plugins: bool = False) -> None:
        self._call(orthanc.RestApiDeleteAfterPlugins if plugins else orthanc.RestApiDelete, path)

    @staticmethod
    def _call(function: Any, path: str, *arguments: bytes) -> bytes:
        try:
            return function(path, *arguments) or b""
        except orthanc.OrthancException as error:
            raise EngineError(f"the engine refused {function.__name__}: {error}", field=path) from error


class OrthancHost(Dispatcher):
    """The host inside Orthanc. Make one, let the plugins register, then :meth:`connect`."""

    def __init__(self) -> None:
        self._connections = LentConnections()
        self._kept: list[Any] = []
        """The routes' callbacks: Orthanc drops its reference to them without holding the GIL, so it must not be the
        last one, or the process ends with a fault at its stop."""
        log = OrthancLog()
        super().__init__(Guard(self._connections, Journal(log)), InProcessRest())
        handler = JournalHandler(log)
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        logging.getLogger("django").setLevel(logging.WARNING)

    def connect(self) -> None:
        """Register with Orthanc what the plugins have subscribed to."""
        atexit.register(os._exit, 0)  # see docs/adr/0002: the engine frees changes twice that came after its stop
        self.route(CALLBACKS_PATH, self._callbacks)
        orthanc.RegisterOnChangeCallback(self._on_change)
        if self._worklist is not None:
            if hasattr(orthanc, "RegisterWorklistCallback2"):
                orthanc.RegisterWorklistCallback2(self._on_worklist)
            else:
                orthanc.RegisterWorklistCallback(self._on_worklist_of_older_engine)
        if self._received is not None:
            orthanc.RegisterReceivedInstanceCallback(self._on_received)
        if self._stores is not None or self._received is not None:
            orthanc.RegisterIncomingCStoreInstanceFilter(self._on_store)
        if self._filters:
            orthanc.RegisterIncomingHttpRequestFilter(self._on_request)
        for path in self._routes:
            self._kept.append(self._route_callback(path))
            orthanc.RegisterRestCallback(path, self._kept[-1])

    def _callbacks(self, request: HttpRequest) -> HttpResponse:
        """Figures of the callbacks and of the database connections, for monitoring."""
        figures = {
            "callbacks": self.guard.figures(),
            "database_connections": {
                "opened": self._connections.opened,
                "lent": self._connections.lent,
                "idle": self._connections.idle,
            },
            "thread_states_kept": thread_states_kept(),
        }
        return HttpResponse(body=json.dumps(figures).encode())

    def _on_change(self, change_type: int, level: int, orthanc_id: str) -> None:
        keep_thread_state()
        if change_type == orthanc.ChangeType.ORTHANC_STARTED:
            self.started()
        self.changed(Change(_CHANGES.get(change_type, str(change_type)), orthanc_id))
        if change_type == orthanc.ChangeType.ORTHANC_STOPPED:
            self.stopped()
            self._connections.close()
            hang_up_when_stopping(json.loads(orthanc.GetConfiguration()).get("DicomPort", 4242))

    def _on_worklist(self, answers: Any, query: Any, connection: Any) -> None:
        self._answer(
            answers,
            query,
            connection.GetConnectionRemoteAet(),
            connection.GetConnectionCalledAet(),
            connection.GetConnectionRemoteIp(),
        )

    def _on_worklist_of_older_engine(self, answers: Any, query: Any, calling: str, called: str) -> None:
        self._answer(answers, query, calling, called, "")

    def _answer(self, answers: Any, query: Any, calling: str, called: str, address: str) -> None:
        keep_thread_state()
        reply = self.answer_worklist(WorklistRequest(query.WorklistGetDicomQuery(), calling, called, address))
        for answer in reply.answers:
            answers.WorklistAddAnswer(query, answer)
        if not reply.complete:
            answers.WorklistMarkIncomplete()

    def _on_received(self, file: bytes, origin: int) -> tuple[int, bytes | None]:
        if origin == orthanc.InstanceOrigin.DICOM_PROTOCOL:
            keep_thread_state()  # a job's threads end with it
        instead = self.receive(file, _ORIGINS.get(origin, Origin.OTHER))
        if instead is None:
            return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None
        return orthanc.ReceivedInstanceAction.MODIFY, instead

    def _on_store(self, instance: Any) -> int:
        keep_thread_state()
        return int(self.answer_store(_Arriving(instance)))

    def _on_request(self, uri: str, **request: Any) -> bool:
        keep_thread_state()
        return self.allows(
            HttpRequest(
                _METHODS.get(request["method"], "?"),
                uri,
                {name.lower(): value for name, value in request["headers"].items()},
                request.get("get", {}),
                address=request.get("ip", ""),
            )
        )

    def _route_callback(self, path: str) -> Any:
        def answer(output: Any, uri: str, **request: Any) -> None:
            response = self.serve(
                path,
                HttpRequest(
                    request["method"],
                    uri,
                    {name.lower(): value for name, value in request["headers"].items()},
                    request.get("get", {}),
                    request.get("body", b""),
                    groups=tuple(request.get("groups", ())),
                ),
            )
            for name, value in response.headers.items():
                output.SetHttpHeader(name, value)
            if response.status == 200:
                output.AnswerBuffer(response.body, response.content_type)
            else:
                output.SetHttpHeader("Content-Type", response.content_type)
                output.SendHttpStatus(response.status, response.body)

        return answer
