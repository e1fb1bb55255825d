"""The files in the engine, and what is attached to its resources: reading, making pictures of, storing, taking away."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import requests
from PIL import Image, UnidentifiedImageError

from ris_core.engine.answers import USER_METADATA, StoredInstance, added_metadata
from ris_core.engine.errors import EngineFailed, EngineUnavailable, NotInEngine, RangeBeyondFile
from ris_core.engine.transport import Level, Transport, Upload, as_json
from ris_core.engine.windows import (
    HEAD_BYTES,
    LONGEST_HEAD_BYTES,
    LOOK_PIXELS,
    Grey,
    ImageHead,
    Window,
    read_head,
    window_of,
)
from ris_core.errors import InvalidValue
from ris_core.identifiers import OrthancId

_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_PIECE_BYTES = 1024 * 1024
_LIST_QUALITY = 90
"""Of a JPEG in a list, in percent."""
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Files(Transport):
    """The calls that read, store and label files."""

    _read_last: tuple[str, ImageHead | None] = ("", None)
    """An instance, and the attributes by which it is shown."""

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
        return self.rendered_frame(orthanc_id, 1, None, within=(height_pixels, height_pixels), quality=_LIST_QUALITY)

    def rendered_frame(
        self,
        orthanc_id: str,
        frame: int,
        window: Window | None,
        *,
        within: tuple[int, int] | None = None,
        quality: int = 95,
    ) -> bytes:
        """One frame as a windowed JPEG.

        :param frame: from 1, as DICOM counts
        :param window: centre and width in rescaled units; None: as the file says, or else its own grey values
        :param within: largest width and height in pixels; None: all pixels
        :raises EngineFailed: when it has no picture
        """
        size = {} if within is None else {"width": within[0], "height": within[1]}
        return self._frame(orthanc_id, frame, window, {"quality": quality, **size}, "image/jpeg")

    def lossless_frame(self, orthanc_id: str, frame: int, window: Window | None) -> bytes:
        """As :meth:`rendered_frame`, all its pixels, as PNG."""
        return self._frame(orthanc_id, frame, window, {}, "image/png")

    def _frame(
        self, orthanc_id: str, frame: int, window: Window | None, params: Mapping[str, Any], media_type: str
    ) -> bytes:
        shown = window or self._window_of(orthanc_id, frame)
        windowed = {} if shown is None else {"window-center": f"{shown[0]:.9g}", "window-width": f"{shown[1]:.9g}"}
        path = f"/instances/{OrthancId(orthanc_id)}/frames/{int(frame) - 1}/rendered"
        return self._call("GET", path, params={**params, **windowed}, headers={"Accept": media_type}).content

    def _window_of(self, orthanc_id: str, frame: int) -> Window | None:
        """None: the one that the engine reads in the file."""
        if self._read_last[0] != orthanc_id:  # once for all frames: of thousands it is megabytes
            head = read_head(self.instance_head(orthanc_id, HEAD_BYTES))
            if head is None or not head.is_whole:
                head = read_head(self.instance_head(orthanc_id, LONGEST_HEAD_BYTES))
            self._read_last = orthanc_id, head
        found = self._read_last[1]
        return None if found is None else window_of(found, frame, partial(self._shown, orthanc_id))

    def _shown(self, orthanc_id: str, frame: int, window: Window) -> Grey:
        """:raises EngineFailed: when it has no picture"""
        size = {"width": LOOK_PIXELS, "height": LOOK_PIXELS}
        picture = self._frame(orthanc_id, frame, window, size, "image/png")
        try:
            return np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
        except (UnidentifiedImageError, OSError) as error:
            raise EngineFailed("the engine's picture is none") from error

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
