"""The DICOM engine as the web app and the worker see it: a small client of Orthanc's REST API.

Every call carries the caller's service token and a time limit. Only calls that change nothing are repeated, once, after
a broken connection. Errors are named: :class:`EngineUnavailable` is worth another try later, the others are not.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self

import requests

from ris_core.errors import InvalidValue, NotFound, QuangError
from ris_core.identifiers import OrthancId, StudyInstanceUID
from ris_core.settings import Settings

Level = Literal["studies", "series", "instances"]
_INSTANCES_AT_ONCE = 1000
_PIECE_BYTES = 1024 * 1024
_STORED_BYTES_PER_SECOND = 10_000_000
"""Slower than that, and the engine is taken to be stuck."""
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_METADATA = re.compile(r"[1-9][0-9]{3,4}")
_COMPUTED = "NumberOfStudyRelatedInstances;NumberOfStudyRelatedSeries;ModalitiesInStudy"


class EngineError(QuangError):
    """The engine did not do what it was asked."""

    code = "QUANG-4000"


class EngineUnavailable(EngineError):
    """The engine cannot be reached, is starting, or did not answer in time; try again later."""

    code = "QUANG-4001"


class EngineRefused(EngineError):
    """The engine's filter does not let this service do that (HTTP 401 or 403): a wrong token or a missing rule."""

    code = "QUANG-4002"


class EngineFailed(EngineError):
    """The engine answered with an error; the same request would fail again."""

    code = "QUANG-4003"


class RangeBeyondFile(EngineFailed):
    """More bytes were asked for than the file has (HTTP 416)."""

    code = "QUANG-4005"


class NotInEngine(NotFound):
    """No such study, series or instance in the engine (any more)."""

    code = "QUANG-4004"


@dataclass(frozen=True, slots=True)
class EngineStudy:
    """A study as it is in the engine now; two patients under one StudyInstanceUID are two of these."""

    orthanc_id: OrthancId
    study_instance_uid: str
    series_ids: tuple[OrthancId, ...]
    instance_count: int
    modalities: tuple[str, ...]
    is_stable: bool
    """No image has come for a while (Orthanc's ``StableAge``)."""
    last_update: datetime
    main_tags: Mapping[str, str]
    """Keyword → text: patient and study attributes as the engine read them."""


@dataclass(frozen=True, slots=True)
class EngineSeries:
    orthanc_id: OrthancId
    series_instance_uid: str
    modality: str
    instance_ids: tuple[OrthancId, ...]
    number: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class EngineInstance:
    """An instance with what is attached to it beside the file."""

    orthanc_id: OrthancId
    series_id: OrthancId
    sop_instance_uid: str
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Only what users and programs have added, by its number."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a study has, by its DICOM identifiers."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One instance of a study, with what one needs to make a picture of it."""

    orthanc_id: OrthancId
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    columns: int
    """0: the object has no pixels."""
    rows: int
    frame_count: int
    transfer_syntax_uid: str = ""


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What storing one file did."""

    orthanc_id: OrthancId
    study_id: OrthancId
    already_stored: bool


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


@dataclass(frozen=True, slots=True)
class EngineChange:
    """One entry of the engine's own journal (``/changes``)."""

    sequence: int
    kind: str
    resource_type: str
    orthanc_id: OrthancId


@dataclass(frozen=True, slots=True)
class ChangesPage:
    changes: tuple[EngineChange, ...]
    last_sequence: int
    """Where to go on reading."""
    done: bool


class Engine:
    """One connection to Orthanc's REST API; not to be shared between threads.

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
        return cls(settings.orthanc_url, settings.secret(f"service_token_{service}"), timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    # what is there

    def system(self) -> dict[str, Any]:
        """``GET /system``: version, DICOM AE title, plugins enabled …"""
        return dict(self._json("GET", "/system"))

    def study(self, orthanc_id: str) -> EngineStudy:
        """:raises NotInEngine: when it is not there (any more)"""
        study = OrthancId(orthanc_id)
        answer = self._json("GET", f"/studies/{study}", params={"requested-tags": _COMPUTED})
        computed = answer.get("RequestedTags", {})
        return EngineStudy(
            orthanc_id=study,
            study_instance_uid=str(answer["MainDicomTags"].get("StudyInstanceUID", "")),
            series_ids=tuple(OrthancId(series) for series in answer["Series"]),
            instance_count=int(computed.get("NumberOfStudyRelatedInstances") or 0),
            modalities=tuple(sorted(filter(None, str(computed.get("ModalitiesInStudy", "")).split("\\")))),
            is_stable=bool(answer["IsStable"]),
            last_update=_engine_time(answer["LastUpdate"]),
            main_tags={**answer["PatientMainDicomTags"], **answer["MainDicomTags"]},
        )

    def series(self, orthanc_id: str) -> EngineSeries:
        """:raises NotInEngine: when it is not there (any more)"""
        series = OrthancId(orthanc_id)
        answer = self._json("GET", f"/series/{series}")
        tags = answer["MainDicomTags"]
        return EngineSeries(
            orthanc_id=series,
            series_instance_uid=str(tags.get("SeriesInstanceUID", "")),
            modality=str(tags.get("Modality", "")),
            instance_ids=tuple(OrthancId(instance) for instance in answer["Instances"]),
            number=str(tags.get("SeriesNumber", "")),
            description=str(tags.get("SeriesDescription", "")),
        )

    def instances(self, study_id: str) -> list[EngineInstance]:
        """All instances of a study; none when it is not there."""
        found: list[EngineInstance] = []
        while True:
            body = {
                "Level": "Instance",
                "ParentStudy": OrthancId(study_id),
                "Query": {},
                "ResponseContent": ["MainDicomTags", "Metadata", "Labels", "Parent"],
                "Since": len(found),
                "Limit": _INSTANCES_AT_ONCE,
            }
            try:
                page = self._json("POST", "/tools/find", data=_as_json(body), safe=True)
            except NotInEngine:
                return found
            found += [
                EngineInstance(
                    OrthancId(item["ID"]),
                    OrthancId(item["ParentSeries"]),
                    str(item["MainDicomTags"].get("SOPInstanceUID", "")),
                    tuple(item.get("Labels", ())),
                    _added_metadata(item.get("Metadata", {})),
                )
                for item in page
            ]
            if len(page) < _INSTANCES_AT_ONCE:
                return found

    def image_of(self, study_id: str, sop_instance_uid: str) -> StoredImage:
        """One instance of a study by its SOPInstanceUID, which must be a UID.

        :raises NotInEngine: the study has no such instance (any more)
        """
        found = self.images_of(study_id, SOPInstanceUID=StudyInstanceUID(sop_instance_uid))
        if not found:
            raise NotInEngine("the study has no such instance")
        return found[0]

    def images_of(self, study_id: str, **query: str) -> list[StoredImage]:
        """The instances of a study whose attributes are as in ``query`` (keyword → value), a thousand at most."""
        body = {
            "Level": "Instance",
            "ParentStudy": OrthancId(study_id),
            "Query": query,
            "RequestedTags": [
                "SOPClassUID",
                "SOPInstanceUID",
                "SeriesInstanceUID",
                "Rows",
                "Columns",
                "NumberOfFrames",
            ],
            "ResponseContent": ["RequestedTags", "Metadata"],
            "Limit": _INSTANCES_AT_ONCE,
        }
        return [
            StoredImage(
                orthanc_id=OrthancId(item["ID"]),
                sop_class_uid=str(tags.get("SOPClassUID", "")),
                sop_instance_uid=str(tags.get("SOPInstanceUID", "")),
                series_instance_uid=str(tags.get("SeriesInstanceUID", "")),
                columns=_whole(tags.get("Columns")),
                rows=_whole(tags.get("Rows")),
                frame_count=_whole(tags.get("NumberOfFrames")) or 1,
                transfer_syntax_uid=str(item.get("Metadata", {}).get("TransferSyntax", "")),
            )
            for item in self._json("POST", "/tools/find", data=_as_json(body), safe=True)
            if (tags := item["RequestedTags"]) is not None
        ]

    def labels(self, level: Level, orthanc_id: str) -> list[str]:
        """The labels of a study, series or instance."""
        return [str(label) for label in self._json("GET", f"/{level}/{OrthancId(orthanc_id)}/labels")]

    def metadata(self, level: Level, orthanc_id: str) -> dict[str, str]:
        """What users and programs have added to a study, series or instance, by its number."""
        return _added_metadata(self._json("GET", f"/{level}/{OrthancId(orthanc_id)}/metadata", params={"expand": ""}))

    def stored_objects(self, orthanc_id: str) -> list[StoredObject]:
        """Everything in a study.

        :raises NotInEngine: when it is not there (any more)
        """
        tags = "SOPClassUID;SOPInstanceUID;SeriesInstanceUID"
        found = self._json("GET", f"/studies/{OrthancId(orthanc_id)}/instances", params={"requested-tags": tags})
        return [
            StoredObject(
                sop_class_uid=str(item["RequestedTags"].get("SOPClassUID", "")),
                sop_instance_uid=str(item["RequestedTags"].get("SOPInstanceUID", "")),
                series_instance_uid=str(item["RequestedTags"].get("SeriesInstanceUID", "")),
            )
            for item in found
        ]

    def find_studies(self, study_instance_uid: StudyInstanceUID) -> list[OrthancId]:
        """Every study under this StudyInstanceUID: none, one, or one for each PatientID (invariant 4)."""
        found = self._json("POST", "/tools/lookup", data=str(study_instance_uid).encode(), safe=True)
        return [OrthancId(item["ID"]) for item in found if item["Type"] == "Study"]

    def find_instances(self, sop_instance_uid: str) -> list[OrthancId]:
        """Every instance under this SOPInstanceUID, in whatever study or series."""
        found = self._json("POST", "/tools/lookup", data=sop_instance_uid.encode(), safe=True)
        return [OrthancId(item["ID"]) for item in found if item["Type"] == "Instance"]

    def study_page(self, since: int, limit: int) -> list[OrthancId]:
        """``limit`` studies from position ``since`` of the engine's whole list, in no useful order."""
        return [OrthancId(item) for item in self._json("GET", "/studies", params={"since": since, "limit": limit})]

    def changes(self, since: int, limit: int) -> ChangesPage:
        """Up to ``limit`` entries of the engine's journal after ``since``."""
        answer = self._json("GET", "/changes", params={"since": since, "limit": limit})
        return ChangesPage(
            changes=tuple(
                EngineChange(int(item["Seq"]), item["ChangeType"], item["ResourceType"], OrthancId(item["ID"]))
                for item in answer["Changes"]
            ),
            last_sequence=int(answer["Last"]),
            done=bool(answer["Done"]),
        )

    def last_change_sequence(self) -> int:
        """The newest entry's number in the engine's journal; smaller than one seen before: another engine database."""
        return int(self._json("GET", "/changes?last")["Last"])

    # files

    def instance_file(self, orthanc_id: str) -> bytes:
        """The whole DICOM file as received."""
        return self._call("GET", f"/instances/{OrthancId(orthanc_id)}/file").content

    def instance_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        """The whole DICOM file as received, of which only a piece is in memory.

        :raises EngineUnavailable: also when the connection is lost on the way; what has come then is not the file
        """
        with self._call("GET", f"/instances/{OrthancId(orthanc_id)}/file", stream=True) as answer:
            try:
                yield from answer.iter_content(_PIECE_BYTES)
            except requests.RequestException as error:
                raise EngineUnavailable(f"a file came only in part ({type(error).__name__})") from error

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        """The first ``byte_count`` bytes of the DICOM file as received (fewer when it is shorter)."""
        path = f"/instances/{OrthancId(orthanc_id)}/attachments/dicom/data"
        try:
            answer = self._call("GET", path, headers={"Range": f"bytes=0-{byte_count - 1}"})
        except RangeBeyondFile:
            answer = self._call("GET", path)
        return answer.content[:byte_count]

    def instance_part(self, orthanc_id: str, offset: int, length: int) -> bytes:
        """``length`` bytes of the DICOM file from ``offset``; fewer at its end, none behind it."""
        path = f"/instances/{OrthancId(orthanc_id)}/attachments/dicom/data"
        try:
            headers = {"Range": f"bytes={int(offset)}-{int(offset) + int(length) - 1}"}
            return self._call("GET", path, headers=headers).content[:length]
        except RangeBeyondFile:
            return self.instance_file(orthanc_id)[offset : offset + length]

    def rendered(self, orthanc_id: str, height_pixels: int) -> bytes:
        """An instance as a windowed JPEG at most ``height_pixels`` high; of several frames the first.

        :raises EngineFailed: when it has no picture
        """
        params = {"height": height_pixels, "width": height_pixels}
        path = f"/instances/{OrthancId(orthanc_id)}/rendered"
        return self._call("GET", path, params=params, headers={"Accept": "image/jpeg"}).content

    def rendered_frame(self, orthanc_id: str, frame: int, window: tuple[float, float] | None) -> bytes:
        """One frame, all its pixels, as a windowed JPEG.

        :param frame: from 1, as DICOM counts
        :param window: centre and width in rescaled units; None: as the image itself says
        :raises EngineFailed: when it has no picture
        """
        params: dict[str, Any] = {"quality": 95}
        if window is not None:
            params.update({"window-center": f"{window[0]:.6g}", "window-width": f"{window[1]:.6g}"})
        path = f"/instances/{OrthancId(orthanc_id)}/frames/{int(frame) - 1}/rendered"
        return self._call("GET", path, params=params, headers={"Accept": "image/jpeg"}).content

    def remote_ae_title(self, orthanc_id: str) -> str:
        """Who sent an instance by C-STORE; empty when it came another way."""
        try:
            return self._call("GET", f"/instances/{OrthancId(orthanc_id)}/metadata/RemoteAET").text.strip()
        except NotInEngine:
            return ""

    def store_instance(self, dicom: bytes | Upload) -> StoredInstance:
        """Store one DICOM file; storing the same instance again changes nothing.

        :raises EngineFailed: when the engine cannot read it
        """
        answer = self._json("POST", "/instances", data=dicom, headers={"Content-Type": "application/dicom"}, safe=True)
        return StoredInstance(
            orthanc_id=OrthancId(answer["ID"]),
            study_id=OrthancId(answer["ParentStudy"]),
            already_stored=answer["Status"] == "AlreadyStored",
        )

    def instance_md5(self, orthanc_id: str) -> str:
        """The digest of the DICOM file as stored."""
        return self._call("GET", f"/instances/{OrthancId(orthanc_id)}/attachments/dicom/md5").text.strip()

    def delete_instance(self, orthanc_id: str) -> None:
        """Take one instance out of the engine: only when the same pixels are proved to be stored elsewhere in it.

        Deleting what is not there changes nothing.
        """
        try:
            self._call("DELETE", f"/instances/{OrthancId(orthanc_id)}")
        except NotInEngine:
            return

    def reconstruct_study(self, study_id: str) -> None:
        """Have the engine read a study's files again: what it answers queries with is from the first file it got."""
        self._call("POST", f"/studies/{OrthancId(study_id)}/reconstruct", data=b"{}", safe=True)

    def add_label(self, level: Level, orthanc_id: str, label: str) -> None:
        """A label that is there already stays.

        :raises InvalidValue: a label has letters, digits, ``-`` and ``_``
        """
        if not _LABEL.fullmatch(label):
            raise InvalidValue("a label has letters, digits, - and _", field="label")
        self._call("PUT", f"/{level}/{OrthancId(orthanc_id)}/labels/{label}", data=b"", safe=True)

    def set_metadata(self, level: Level, orthanc_id: str, number: str, value: str) -> None:
        """:raises InvalidValue: ``number`` is not one that users may set (1024 to 65535)"""
        if not _METADATA.fullmatch(number):
            raise InvalidValue("metadata of users have numbers from 1024 to 65535", field="metadata")
        path = f"/{level}/{OrthancId(orthanc_id)}/metadata/{number}"
        self._call("PUT", path, data=value.encode(), safe=True)

    def create_encapsulated_pdf(self, study_id: str, pdf: bytes, tags: Mapping[str, str]) -> OrthancId:
        """Store ``pdf`` as Encapsulated PDF (PS3.3 A.45.1) in a study, with its patient and study attributes.

        :param tags: further attributes by DICOM keyword; name ``SOPInstanceUID`` and ``SeriesInstanceUID`` so that a
            repeat after a crash stores the same instance and not a second one
        """
        content = "data:application/pdf;base64," + base64.b64encode(pdf).decode()
        body = {"Parent": OrthancId(study_id), "Content": content, "Tags": dict(tags), "Force": True}
        return OrthancId(self._json("POST", "/tools/create-dicom", data=_as_json(body))["ID"])

    # devices

    def echo(self, ae_title: str, host: str, port: int, timeout_seconds: int = 5) -> None:
        """C-ECHO to a device.

        :raises EngineFailed: when it does not answer or refuses the association
        """
        body = {"AET": ae_title, "Host": host, "Port": port, "Timeout": timeout_seconds}
        self._call("POST", "/tools/dicom-echo", data=_as_json(body))

    # transport

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
    if status in (502, 503, 504):
        raise EngineUnavailable(f"the engine answered {request} with HTTP {status}")
    raise EngineFailed(f"the engine answered {request} with HTTP {status}{_reason(answer)}")


def _reason(answer: requests.Response) -> str:
    """Orthanc's own error number; never its text, which may carry attributes of patients."""
    try:
        return f", Orthanc error {int(answer.json()['OrthancStatus'])}"
    except (ValueError, KeyError, TypeError):
        return ""


def _added_metadata(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in metadata.items() if _METADATA.fullmatch(name)}


def _whole(text: object) -> int:
    """An Integer String; 0 for one that is none."""
    digits = str(text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _shape(path: str) -> str:
    return path.partition("?")[0]


def _engine_time(text: str) -> datetime:
    """Orthanc writes UTC as ``20261121T205900``."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _as_json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


def first_instances(engine: Engine, study: EngineStudy) -> Iterable[OrthancId]:
    """One instance of each series, to see whose it says it is; a series gone meanwhile is left out."""
    for series_id in study.series_ids:
        try:
            series = engine.series(series_id)
        except NotInEngine:
            continue
        if series.instance_ids:
            yield series.instance_ids[0]
