"""A simulated modality: a real DICOM node that asks for its worklist and sends images, as a scanner would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    Verification,
)

from ris_testing.orders import VIETNAM

REAL_IMAGES = {"CT": "CT_small.dcm", "MR": "MR_small.dcm", "US": "examples_rgb_color.dcm"}
"""Real images that pydicom carries with it, by modality; any other modality gets the CT's pixels."""


class DimseFailure(Exception):
    """The peer refused the association or answered with a failure status."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True)
class Modality:
    """A device by its AE title, talking to ``host:port`` (called AE title ``called``)."""

    ae_title: str
    host: str
    port: int
    called: str = "QUANG"
    timeout_seconds: float = 30.0

    @contextmanager
    def _association(self, contexts: Iterable[tuple[str, Sequence[str]]]) -> Iterator[Any]:
        entity = AE(ae_title=self.ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self.timeout_seconds
        for abstract_syntax, transfer_syntaxes in contexts:
            entity.add_requested_context(abstract_syntax, transfer_syntaxes)
        association = entity.associate(self.host, self.port, ae_title=self.called)
        if not association.is_established:
            raise DimseFailure(f"association of {self.ae_title} with {self.called} was not accepted")
        try:
            yield association
        finally:
            association.release()

    def echo(self) -> None:
        """C-ECHO; raises :class:`DimseFailure` when it is not answered with success."""
        with self._association([(Verification, [ImplicitVRLittleEndian])]) as association:
            status = association.send_c_echo()
            if not status or status.Status != 0:
                raise DimseFailure("C-ECHO failed")

    def is_let_in(self) -> bool:
        """Whether the gate lets it in: a device registered just now, within seconds."""
        try:
            self.echo()
        except DimseFailure:
            return False
        return True

    def find_worklist(self, **keys: Any) -> list[Dataset]:
        """C-FIND of the modality worklist; keys of the scheduled step and of the top level by their DICOM keyword.

        :raises DimseFailure: when the status is neither pending nor success
        """
        query = Dataset()
        query.SpecificCharacterSet = "ISO_IR 192"
        for keyword in (
            "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyInstanceUID",
            "RequestedProcedureID", "RequestedProcedureDescription", "RequestedProcedurePriority",
            "ReferringPhysicianName",
        ):  # fmt: skip
            setattr(query, keyword, keys.pop(keyword, ""))
        step = Dataset()
        for keyword in (
            "Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
            "ScheduledProcedureStepStartTime", "ScheduledProcedureStepID", "ScheduledProcedureStepDescription",
        ):  # fmt: skip
            setattr(step, keyword, keys.pop(keyword, ""))
        if keys:
            raise TypeError(f"not keys of the worklist query: {sorted(keys)}")
        query.ScheduledProcedureStepSequence = [step]
        answers = []
        contexts = [(ModalityWorklistInformationFind, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])]
        with self._association(contexts) as association:
            for status, answer in association.send_c_find(query, ModalityWorklistInformationFind):
                if not status:
                    raise DimseFailure("C-FIND: connection lost")
                if status.Status in (0xFF00, 0xFF01):
                    answers.append(answer)
                elif status.Status != 0:
                    raise DimseFailure(f"C-FIND failed with status {status.Status:04X}")
        return answers

    def begin_step(self, answer: Dataset, **attributes: Any) -> str:
        """MPPS N-CREATE for the worklist's ``answer``; the SOP Instance UID. ``attributes`` replace or add others.

        :raises DimseFailure: when it is not answered with success
        """
        uid = str(generate_uid())
        self.report(uid, step_begun(answer, self.ae_title, **attributes), create=True)
        return uid

    def end_step(self, uid: str, images: Iterable[Dataset], status: str = "COMPLETED", **attributes: Any) -> None:
        """MPPS N-SET: the step is over, and made ``images``.

        :raises DimseFailure: when it is not answered with success
        """
        self.report(uid, step_ended(images, status, **attributes), create=False)

    def report(self, uid: str, dataset: Dataset, *, create: bool) -> None:
        """One N-CREATE or N-SET of the performed step ``uid``.

        :raises DimseFailure: when it is not answered with success; ``status`` is the status, 0 without any
        """
        contexts = [(ModalityPerformedProcedureStep, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])]
        with self._association(contexts) as association:
            send = association.send_n_create if create else association.send_n_set
            answer, _ = send(dataset, ModalityPerformedProcedureStep, uid)
        status = int(answer.get("Status", 0)) if answer else 0
        if not answer or status != 0:
            raise DimseFailure(f"{'N-CREATE' if create else 'N-SET'} failed with status {status:04X}", status)

    def store(self, datasets: Iterable[Dataset]) -> int:
        """C-STORE of every dataset; how many were stored. Raises :class:`DimseFailure` at the first failure."""
        images = list(datasets)
        contexts = sorted({(str(d.SOPClassUID), str(d.file_meta.TransferSyntaxUID)) for d in images})
        with self._association([(sop, [syntax]) for sop, syntax in contexts]) as association:
            for number, image in enumerate(images):
                status = association.send_c_store(image)
                if not status or status.Status != 0:
                    code = f"{status.Status:04X}" if status else "connection lost"
                    raise DimseFailure(f"C-STORE of image {number + 1} of {len(images)} failed: {code}")
        return len(images)


def real_image(modality: str = "CT") -> Dataset:
    """A real image of ``modality`` from pydicom's own test data."""
    return dcmread(Path(str(get_testdata_file(REAL_IMAGES.get(modality, "CT_small.dcm"), download=False))))


def acquire(answer: Dataset, *, images: int = 3, series_number: int = 1) -> list[Dataset]:
    """What a modality makes after the worklist's ``answer`` was chosen: real pixels under the answer's identifiers."""
    step = answer.ScheduledProcedureStepSequence[0]
    return study_of(
        modality=step.Modality,
        images=images,
        series_number=series_number,
        StudyInstanceUID=answer.StudyInstanceUID,
        AccessionNumber=answer.AccessionNumber,
        PatientID=answer.PatientID,
        PatientName=answer.PatientName,
        PatientBirthDate=answer.PatientBirthDate,
        PatientSex=answer.PatientSex,
        StudyDate=step.ScheduledProcedureStepStartDate,
        StudyTime=step.ScheduledProcedureStepStartTime,
        StudyDescription=answer.get("RequestedProcedureDescription", ""),
    )


def step_begun(answer: Dataset, ae_title: str, **attributes: Any) -> Dataset:
    """What a device reports when it begins with the worklist's ``answer`` (PS3.4 table F.7.2-1)."""
    step = answer.ScheduledProcedureStepSequence[0]
    item = Dataset()
    item.StudyInstanceUID = answer.StudyInstanceUID
    item.ReferencedStudySequence = []
    item.AccessionNumber = answer.AccessionNumber
    item.RequestedProcedureID = answer.RequestedProcedureID
    item.RequestedProcedureDescription = answer.get("RequestedProcedureDescription", "")
    item.ScheduledProcedureStepID = step.ScheduledProcedureStepID
    item.ScheduledProcedureStepDescription = ""
    item.ScheduledProtocolCodeSequence = []
    now = datetime.now(VIETNAM)
    begun = Dataset()
    begun.SpecificCharacterSet = "ISO_IR 192"
    begun.ScheduledStepAttributesSequence = [item]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(begun, keyword, answer.get(keyword, ""))
    begun.ReferencedPatientSequence = []
    begun.PerformedProcedureStepID = f"P{now:%H%M%S%f}"
    begun.PerformedStationAETitle = ae_title
    begun.PerformedStationName = ""
    begun.PerformedLocation = ""
    begun.PerformedProcedureStepStartDate = f"{now:%Y%m%d}"
    begun.PerformedProcedureStepStartTime = f"{now:%H%M%S}"
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    begun.PerformedProcedureStepDescription = ""
    begun.PerformedProcedureTypeDescription = ""
    begun.ProcedureCodeSequence = []
    begun.PerformedProcedureStepEndDate = begun.PerformedProcedureStepEndTime = ""
    begun.Modality = step.Modality
    begun.StudyID = ""
    begun.PerformedProtocolCodeSequence = []
    begun.PerformedSeriesSequence = []
    for keyword, value in attributes.items():
        setattr(begun, keyword, value)
    return begun


def step_ended(images: Iterable[Dataset], status: str = "COMPLETED", **attributes: Any) -> Dataset:
    """What a device reports when it is done and made ``images``."""
    now = datetime.now(VIETNAM)
    ended = Dataset()
    ended.SpecificCharacterSet = "ISO_IR 192"
    ended.PerformedProcedureStepStatus = status
    ended.PerformedProcedureStepEndDate = f"{now:%Y%m%d}"
    ended.PerformedProcedureStepEndTime = f"{now:%H%M%S}"
    by_series: dict[str, Dataset] = {}
    for image in images:
        series = by_series.setdefault(str(image.SeriesInstanceUID), Dataset())
        if "SeriesInstanceUID" not in series:
            series.SeriesInstanceUID = image.SeriesInstanceUID
            series.ProtocolName = series.SeriesDescription = image.get("SeriesDescription") or "PROTOCOL"
            series.PerformingPhysicianName = series.OperatorsName = series.RetrieveAETitle = ""
            series.ReferencedImageSequence = []
            series.ReferencedNonImageCompositeSOPInstanceSequence = []
        reference = Dataset()
        reference.ReferencedSOPClassUID = image.SOPClassUID
        reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
        series.ReferencedImageSequence.append(reference)
    ended.PerformedSeriesSequence = list(by_series.values())
    for keyword, value in attributes.items():
        setattr(ended, keyword, value)
    return ended


def study_of(*, modality: str = "CT", images: int = 3, series_number: int = 1, **attributes: Any) -> list[Dataset]:
    """A one-series study of real pixels with ``attributes`` (by DICOM keyword) and UIDs of its own where not given."""
    attributes.setdefault("StudyInstanceUID", generate_uid())
    series_uid = generate_uid()
    template = real_image(modality)
    made = []
    for number in range(1, images + 1):
        image = Dataset()
        image.update(template)
        image.file_meta = FileMetaDataset()
        image.file_meta.update(template.file_meta)
        image.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
        image.Modality = modality
        image.SeriesInstanceUID = series_uid
        image.SeriesNumber = series_number
        image.InstanceNumber = number
        image.SOPInstanceUID = generate_uid()
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        if "ImagePositionPatient" in image:
            x, y, z = image.ImagePositionPatient
            image.ImagePositionPatient = [x, y, float(z) + 5.0 * number]
        made.append(image)
    return made
