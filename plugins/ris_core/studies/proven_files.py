"""Files in the engine, with proof: what was stored is read back, or its digest is, before anybody relies on it."""

from __future__ import annotations

import hashlib

from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.engine.transport import Level
from ris_core.errors import QuangError
from ris_core.identifiers import OrthancId
from ris_core.studies.dicom_file import DicomFile
from ris_core.studies.elements import FileData
from ris_core.studies.engine_ids import engine_ids
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import on_disk, stored_file, upload


class NotStored(QuangError):
    """The engine has not stored what it was given, or cannot prove it; nothing was deleted."""

    code = "QUANG-4111"


class ProvenFiles:
    """The files of one engine, and what is attached to them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def file(self, orthanc_id: OrthancId) -> FileData:
        """The file as stored."""
        return stored_file(self._engine, orthanc_id)

    def stored(self, file: DicomFile) -> bool:
        """Whether the engine has ``file`` now, or has had the same image under its identifier before.

        :raises NotStored: it says so and has something else
        """
        expected, digest = engine_ids(file).instance, hashlib.md5(usedforsecurity=False)
        sent = upload(file)
        stored = self._engine.store_instance(sent)
        if stored.orthanc_id != expected:
            raise NotStored("the engine knows an image by another identifier than expected")
        for piece in sent:
            digest.update(piece)
        if self._engine.instance_md5(expected) == digest.hexdigest():
            return True
        if not stored.already_stored:
            raise NotStored("the engine has stored other bytes than it was given")
        return difference(self.file(expected), on_disk(sent)) is None

    def keep_instance_attachments(self, new: OrthancId, old: EngineInstance) -> None:
        """What is attached to an image is attached to its successor, too."""
        for label in old.labels:
            self._engine.add_label("instances", new, label)
        for number, value in old.metadata.items():
            self._engine.set_metadata("instances", new, number, value)

    def keep_attachments(self, level: Level, old: OrthancId, new: OrthancId) -> None:
        """What is attached to a study or series is attached to its successor, too."""
        for label in self._engine.labels(level, old):
            self._engine.add_label(level, new, label)
        for number, value in self._engine.metadata(level, old).items():
            self._engine.set_metadata(level, new, number, value)
