"""How the engine is asked: the service's token, time limits, one repeat of what is safe to repeat, errors by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import requests

from ris_core.engine.errors import EngineFailed, EngineRefused, EngineUnavailable, NotInEngine, RangeBeyondFile
from ris_core.settings import Settings

Level = Literal["studies", "series", "instances"]
"""A level of the resources in the engine, as its paths name it."""
_STORED_BYTES_PER_SECOND = 10_000_000
"""Slower than that, and the engine is taken to be stuck."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is sent piece by piece."""

    byte_count: int
    pieces: Callable[[], Iterable[bytes]]
    """Called again when the connection was broken and the file is sent again."""

    def __len__(self) -> int:
        return self.byte_count

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces())


class Transport:
    """One connection to Orthanc's REST API.

    :param timeout_seconds: longest wait for a connection and between two bytes of an answer
    """

    def __init__(self, base_url: str, service_token: str, timeout_seconds: float = 15.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = (min(5.0, timeout_seconds), timeout_seconds)
        self._session = requests.Session()
        self._session.trust_env = False  # a hospital's proxy is never between the suite's own parts
        self._session.headers["Authorization"] = f"Bearer {service_token}"

    @classmethod
    def from_settings(
        cls, settings: Settings, service: Literal["web", "worker"], timeout_seconds: float = 15.0
    ) -> Self:
        """The engine of this installation, addressed as ``service``."""
        return cls(settings.orthanc_url, settings.secret_lines(f"service_token_{service}")[-1], timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self._call(method, path, **options)
        try:
            return answer.json()
        except ValueError as error:
            raise EngineFailed(f"the engine's answer to {method} {_shape(path)} is not JSON") from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: bytes | Upload | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        safe: bool | None = None,
    ) -> requests.Response:
        connecting, answering = self._timeout
        if data is not None:
            answering += len(data) / _STORED_BYTES_PER_SECOND
        attempts = 2 if (method == "GET" if safe is None else safe) else 1
        while True:
            attempts -= 1
            try:
                answer = self._session.request(
                    method,
                    self._base_url + path,
                    params=params,
                    data=data,
                    headers=headers,
                    timeout=(connecting, answering),
                    stream=stream,
                    allow_redirects=False,
                )
            except requests.ConnectionError as error:
                if attempts and not isinstance(error, requests.ConnectTimeout):
                    continue
                raise EngineUnavailable(f"the engine cannot be reached ({type(error).__name__})") from error
            except requests.RequestException as error:
                raise EngineUnavailable(f"the engine did not answer in time ({type(error).__name__})") from error
            _raise_for(answer, method, path)
            return answer


def _raise_for(answer: requests.Response, method: str, path: str) -> None:
    status = answer.status_code
    if status < 300:
        return
    request = f"{method} {_shape(path)}"
    if status == 404 and method in ("GET", "DELETE"):
        raise NotInEngine(f"the engine has nothing at {request}")
    if status == 416:
        raise RangeBeyondFile(f"the file at {request} is shorter than the range asked for")
    if status in (401, 403):
        raise EngineRefused(f"the engine refuses {request} to this service (HTTP {status})")
    if status in (502, 503, 504, 507):  # 507: no room, until somebody makes some
        raise EngineUnavailable(f"the engine answered {request} with HTTP {status}")
    raise EngineFailed(f"the engine answered {request} with HTTP {status}{_reason(answer)}")


def _reason(answer: requests.Response) -> str:
    """Orthanc's own error number; never its text, which may carry attributes of patients."""
    try:
        return f", Orthanc error {int(answer.json()['OrthancStatus'])}"
    except (ValueError, KeyError, TypeError):
        return ""


def _shape(path: str) -> str:
    return path.partition("?")[0]


def as_json(body: Mapping[str, Any]) -> bytes:
    """The body of a request."""
    return json.dumps(body).encode()
