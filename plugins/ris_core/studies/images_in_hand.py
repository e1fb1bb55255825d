"""Changing an image whose identifier stays, which the engine refuses to overwrite.

It is stored a second time under another SOPInstanceUID, deleted, stored as it should be, and the copy is deleted. The
row :class:`ImageInHand` tells of the copy after a crash.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.identifiers import OrthancId
from ris_core.studies.dicom_file import DicomFile, read_dicom_file
from ris_core.studies.elements import FileData
from ris_core.studies.engine_ids import engine_ids
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import on_disk, upload
from ris_core.studies.models import ImageInHand, Study
from ris_core.studies.proven_files import NotStored, ProvenFiles


class ImagesInHand:
    """The images of one study that one run changes so.

    :param keep_aside: what to do with another image that lies under the UID of one that must be stored
    """

    def __init__(
        self, engine: Engine, files: ProvenFiles, study: Study, keep_aside: Callable[[OrthancId, FileData], None]
    ) -> None:
        self._engine = engine
        self._files = files
        self._study = study
        self._keep_aside = keep_aside
        self.replaced = 0
        """How many are as they should be now."""

    def replace(self, found: EngineInstance, target: DicomFile) -> None:
        """Store ``target`` instead of the image ``found``.

        :raises NotStored: the engine cannot prove that it has it; what was begun is finished by :meth:`finish`
        """
        hand = ImageInHand.objects.create(
            study=self._study,
            sop_instance_uid=found.sop_instance_uid,
            copy_sop_instance_uid=f"2.25.{uuid.uuid4().int}",
            labels=list(found.labels),
            metadata=dict(found.metadata),
        )
        copy = target.under_sop_instance_uid(hand.copy_sop_instance_uid)
        if not self._files.stored(copy):
            raise NotStored("the engine has another image under a fresh UID")
        self._engine.delete_instance(found.orthanc_id)
        self._put_back(hand, target, engine_ids(copy).instance)

    def finish(self, places: list[OrthancId]) -> None:
        """What a run that was killed had in hand: its copy is the image as it should be."""
        for hand in ImageInHand.objects.filter(study=self._study):
            found = {image.sop_instance_uid: image for place in places for image in self._engine.instances(place)}
            copy, original = found.get(hand.copy_sop_instance_uid), found.get(hand.sop_instance_uid)
            if copy is None:
                hand.delete()
                continue
            file = read_dicom_file(self._files.file(copy.orthanc_id))
            target = file.under_sop_instance_uid(hand.sop_instance_uid)
            if original is not None:
                there, wanted = self._files.file(original.orthanc_id), on_disk(upload(target))
                if difference(there, wanted) is not None:
                    self._keep_aside(original.orthanc_id, wanted)
                elif read_dicom_file(there).elements != target.elements:
                    self._engine.delete_instance(original.orthanc_id)
            self._put_back(hand, target, copy.orthanc_id)

    def _put_back(self, hand: ImageInHand, target: DicomFile, copy_id: OrthancId) -> None:
        if not self._files.stored(target):  # a device has sent another one in this moment
            self._keep_aside(engine_ids(target).instance, on_disk(upload(target)))
            if not self._files.stored(target):
                raise NotStored("the device keeps sending other pixels under the UID of an image being corrected")
        attached = EngineInstance(copy_id, copy_id, hand.sop_instance_uid, tuple(hand.labels), hand.metadata)
        self._files.keep_instance_attachments(engine_ids(target).instance, attached)
        self._engine.delete_instance(copy_id)
        hand.delete()
        self.replaced += 1
