"""The files in the engine, and what is attached to its resources: reading, making pictures of, storing, taking away."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from ris_core.engine.answers import USER_METADATA, StoredInstance, added_metadata
from ris_core.engine.errors import EngineUnavailable, NotInEngine, RangeBeyondFile
from ris_core.engine.transport import Level, Transport, Upload, as_json
from ris_core.errors import InvalidValue
from ris_core.identifiers import OrthancId

_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_PIECE_BYTES = 1024 * 1024
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Files(Transport):
    """The calls that read, store and label files."""

    def instance_file(self, orthanc_id: str) -> bytes:
        """The whole DICOM file as received."""
        return self._call("GET", f"/instances/{OrthancId(orthanc_id)}/file").content

    def instance_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        """The whole DICOM file as received, of which only a piece is in memory.

        :raises EngineUnavailable: also when the connection is lost on the way; what has come then is not the file
        """
        yield from self._pieces(f"/instances/{OrthancId(orthanc_id)}/file", {})

    def uncompressed_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        """As :meth:`instance_pieces`, in Explicit VR Little Endian.

        :raises EngineFailed: the engine cannot decompress it
        """
        params = {"transcode": _EXPLICIT_LITTLE_ENDIAN}
        yield from self._pieces(f"/instances/{OrthancId(orthanc_id)}/file", params)

    def _pieces(self, path: str, params: Mapping[str, str]) -> Iterator[bytes]:
        with self._call("GET", path, params=params, stream=True) as answer:
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
        return self._frame(orthanc_id, frame, "rendered", {"quality": 95, **_windowed(window)}, "image/jpeg")

    def lossless_frame(self, orthanc_id: str, frame: int, window: tuple[float, float] | None) -> bytes:
        """As :meth:`rendered_frame`, as PNG."""
        return self._frame(orthanc_id, frame, "rendered", _windowed(window), "image/png")

    def stretched_frame(self, orthanc_id: str, frame: int, *, lossless: bool = False) -> bytes:
        """As :meth:`rendered_frame`, from the darkest to the brightest of its own values: of what says no window.

        :param lossless: PNG instead of JPEG
        """
        media_type = "image/png" if lossless else "image/jpeg"
        return self._frame(orthanc_id, frame, "preview", {} if lossless else {"quality": 95}, media_type)

    def _frame(self, orthanc_id: str, frame: int, how: str, params: Mapping[str, Any], media_type: str) -> bytes:
        path = f"/instances/{OrthancId(orthanc_id)}/frames/{int(frame) - 1}/{how}"
        return self._call("GET", path, params=params, headers={"Accept": media_type}).content

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
        """Take one instance out of the engine: only when the same pixels are proved to be stored elsewhere in it, or
        when it is of our own making and can be made again.

        Deleting what is not there changes nothing.
        """
        try:
            self._call("DELETE", f"/instances/{OrthancId(orthanc_id)}")
        except NotInEngine:
            return

    def reconstruct_study(self, study_id: str) -> None:
        """Have the engine read a study's files again: what it answers queries with is from the first file it got."""
        self._call("POST", f"/studies/{OrthancId(study_id)}/reconstruct", data=b"{}", safe=True)

    def labels(self, level: Level, orthanc_id: str) -> list[str]:
        """The labels of a study, series or instance."""
        return [str(label) for label in self._json("GET", f"/{level}/{OrthancId(orthanc_id)}/labels")]

    def metadata(self, level: Level, orthanc_id: str) -> dict[str, str]:
        """What users and programs have added to a study, series or instance, by its number."""
        return added_metadata(self._json("GET", f"/{level}/{OrthancId(orthanc_id)}/metadata", params={"expand": ""}))

    def add_label(self, level: Level, orthanc_id: str, label: str) -> None:
        """A label that is there already stays.

        :raises InvalidValue: a label has letters, digits, ``-`` and ``_``
        """
        if not _LABEL.fullmatch(label):
            raise InvalidValue("a label has letters, digits, - and _", field="label")
        self._call("PUT", f"/{level}/{OrthancId(orthanc_id)}/labels/{label}", data=b"", safe=True)

    def set_metadata(self, level: Level, orthanc_id: str, number: str, value: str) -> None:
        """:raises InvalidValue: ``number`` is not one that users may set (1024 to 65535)"""
        if not USER_METADATA.fullmatch(number):
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
        return OrthancId(self._json("POST", "/tools/create-dicom", data=as_json(body))["ID"])


def _windowed(window: tuple[float, float] | None) -> dict[str, str]:
    return {} if window is None else {"window-center": f"{window[0]:.6g}", "window-width": f"{window[1]:.6g}"}
