"""Requests that somebody tries who holds a grant for one study: real ones, and real ones bent in every way we know."""

from __future__ import annotations

import http.client
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from ris_testing.engine_routes import ENGINE_ROUTES


@dataclass(frozen=True)
class Target:
    """What stands in addresses of one exam, as far as somebody could know or guess it."""

    study: str
    series: str
    instance: str
    orthanc_id: str
    exam: int
    accession_number: str
    patient_id: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no answer may tell who has no grant for it."""
        return (
            self.study, self.series, self.instance, self.orthanc_id, self.accession_number, self.patient_id,
        )  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One try, byte for byte."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def said(self) -> str:
        """Everything in it, with its escapes undone: what of an answer may be an echo."""
        text = self.target + "".join(value for _, value in self.headers) + self.body.decode()
        for _ in range(3):
            text = unquote(text)
        return text


_PAGES: Final = (
    "/", "/exams/{exam}/", "/exams/{exam}/status", "/exams/{exam}/images", "/exams/{exam}/versions/1.pdf",
    "/worklist/{exam}/", "/worklist/rows/?ids={exam}", "/slips/?exams={exam}", "/labels/?exams={exam}",
    "/patients/?q={patient}", "/patients/1/", "/shares/", "/shares/1/", "/shares/new/?exam={exam}",
    "/share/{handle}/", "/share/{handle}/images/{exam}", "/share/{handle}/report/{exam}",
    "/share/{handle}/files/{exam}",
    "/open/report/{handle}", "/open/phone?StudyInstanceUIDs={study}", "/events?exam={exam}", "/statistics/export/",
    "/api/v1/orders?accession_number={accession}", "/api/v1/orders/{exam}", "/fhir/Patient?identifier={patient}",
    "/fhir/ImagingStudy?identifier={study}", "/admin/users/", "/admin/access-log/", "/studies/1/thumbnail/",
    "/viewer/viewer?StudyInstanceUIDs={study}", "/compare/?exams={exam}", "/static/../exams/{exam}/",
)  # fmt: skip
_DICOMWEB: Final = (
    "/dicom-web/studies?StudyInstanceUID={study}", "/dicom-web/studies?PatientID={patient}",
    "/dicom-web/studies?00100020={patient}&includefield=all", "/dicom-web/series?StudyInstanceUID={study}",
    "/dicom-web/instances?limit=5", "/dicom-web/studies/{study}/archive", "/dicom-web/studies/{study}/media",
    "/dicom-web/studies/{study}/series?includefield=00100020", "/dicom-web/studies/{study}/instances?limit=1",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulk/7fe00010",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered",
    "/dicom-web/studies/{study}/series/{series}/metadata",
    "/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}",
    "/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}&contentType=image/jpeg",
    "/instances/{id}/file", "/studies/{id}/archive", "/series/{id}/media", "/patients/{id}/studies",
    "/tools/find", "/tools/lookup", "/tools/create-archive", "/tools/execute-script", "/tools/reset", "/jobs",
    "/jobs/{id}/archive", "/modalities", "/peers", "/exports", "/changes", "/quang/callbacks",
)  # fmt: skip
_STEPS: Final = ("..", ".", "", "%2e%2e", "%2E", ";", "..;", "%00", "%2F", "%5c", "~", "*", "series", "studies", "bulk")
_HEADERS: Final = (
    ("X-Original-URL", "/instances"), ("X-Rewrite-URL", "/exams/1/"), ("X-HTTP-Method-Override", "DELETE"),
    ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Prefix", "/dicom-web"),
    ("Authorization", "Bearer x"), ("Authorization", "Basic YWRtaW46YWRtaW4="), ("Host", "127.0.0.1:8042"),
    ("Accept", "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.91"),
    ("Accept", "*/*"), ("Range", "bytes=0-99999999"), ("Connection", "close, Cookie"), ("Remote-User", "admin"),
)  # fmt: skip
_METHODS: Final = ("GET",) * 12 + ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "X")


class RandomPaths:
    """The same requests for the same seed.

    :param mine: what the grant is for; :param other: what it is not for
    """

    def __init__(self, seed: int, mine: Target, other: Target, handle: str = "0123456789ab") -> None:
        self._chance = random.Random(seed)
        self._mine, self._other, self._handle = mine, other, handle
        self._bends: tuple[Callable[[str], str], ...] = (
            self._escape, self._escape_twice, self._insert, self._double, self._case, self._exchange, self._append,
            self._repeat, self._cut, self._absolute,
        )  # fmt: skip

    def next(self, *, pages: float) -> Request:
        """:param pages: the part of the requests that go to the web app's pages"""
        chance = self._chance
        if chance.random() < pages:
            target = self._filled(chance.choice(_PAGES))
        elif chance.random() < 0.5:
            target = self._filled(chance.choice(_DICOMWEB))
        else:
            one = self._one()
            target = chance.choice(ENGINE_ROUTES).target(
                study=one.study, series=self._one().series, instance=self._one().instance
            )
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            target = chance.choice(self._bends)(target)
        method = chance.choice(_METHODS)
        body = quote(f"{self._other.study}").encode() if method in ("POST", "PUT", "PATCH") else b""
        headers = (chance.choice(_HEADERS),) if chance.random() < 0.2 else ()
        return Request(method, target, headers, body)

    def _one(self) -> Target:
        return self._mine if self._chance.random() < 0.5 else self._other

    def _filled(self, form: str) -> str:
        chance, one = self._chance, self._one()
        mixed = chance.random() < 0.3  # another's series in this study
        inner = self._one() if mixed else one
        return form.format(
            exam=one.exam, study=one.study, series=inner.series, instance=inner.instance, id=one.orthanc_id,
            patient=one.patient_id, accession=one.accession_number, handle=self._handle,
        )  # fmt: skip

    def _place(self, text: str) -> int:
        return self._chance.randrange(1, len(text)) if len(text) > 1 else len(text)

    def _escape(self, target: str) -> str:
        at = self._place(target)
        return f"{target[:at]}%{ord(target[at]):02x}{target[at + 1 :]}" if at < len(target) else target

    def _escape_twice(self, target: str) -> str:
        at = self._place(target)
        return f"{target[:at]}%25{ord(target[at]):02X}{target[at + 1 :]}" if at < len(target) else target

    def _insert(self, target: str) -> str:
        steps = target.split("/")
        steps.insert(self._chance.randrange(1, len(steps) + 1), self._chance.choice(_STEPS))
        return "/".join(steps)

    def _double(self, target: str) -> str:
        steps = target.split("/")
        at = self._chance.randrange(len(steps))
        return "/".join([*steps[: at + 1], *steps[at:]])

    def _case(self, target: str) -> str:
        at = self._place(target)
        return target[:at] + target[at:].swapcase()

    def _exchange(self, target: str) -> str:
        pairs = zip(self._mine.secrets, self._other.secrets, strict=True)
        mine, other = self._chance.choice([*pairs])
        return target.replace(mine, other)

    def _append(self, target: str) -> str:
        other = self._chance.choice(self._other.secrets)
        return (
            target
            + self._chance.choice((",", "%5C", "&StudyInstanceUID=", "?studyUID=", "/../", "#", ";", "?"))
            + other
        )

    def _repeat(self, target: str) -> str:
        path, mark, query = target.partition("?")
        return f"{path}?{query}&{query}" if mark else f"{path}{path}"

    def _cut(self, target: str) -> str:
        return target[: self._place(target)]

    def _absolute(self, target: str) -> str:
        host = self._chance.choice(("http://127.0.0.1:8042", "http://orthanc", "//evil.example", "http://127.0.0.1"))
        return host + target


class Sender:
    """Sends requests byte for byte on one connection: a client library would tidy them up."""

    def __init__(self, address: str, cookie: str) -> None:
        self._where, self._cookie = urlsplit(address).netloc, cookie
        self._connection = http.client.HTTPConnection(self._where, timeout=60)

    def send(self, request: Request) -> tuple[int, bytes]:
        """Status (0: the connection was closed), headers and body of the answer."""
        for attempt in (1, 2):
            try:
                return self._sent(request)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self._connection.close()  # it was kept too long, or this is the answer
                if attempt == 2:
                    return 0, b""
        raise AssertionError("unreachable")

    def _sent(self, request: Request) -> tuple[int, bytes]:
        named = dict(request.headers)
        connection = self._connection
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        ours = {"Host": self._where, "Cookie": self._cookie, "Content-Length": str(len(request.body))}
        for name, value in {**ours, **named}.items():
            connection.putheader(name, value)
        connection.endheaders(request.body)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, str(answer.headers).encode() + body
