"""What a signature binds: the words of one version, its place among the versions, and the images it is about.

Pure, without a database: also the program that checks strangers' files uses it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from ris_core.identifiers import PatientIdentifier
from ris_core.reports.content import Content

FORM: Final = "urn:quang:signed-result:1"
"""Names the form of what is bound; also the XML namespace of the structured result."""


@dataclass(frozen=True, slots=True)
class KeyImage:
    """An image put on the report, by the hash of its bytes."""

    sop_instance_uid: str
    frame_number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Stated in the signed files and kept with the signature."""

    reading: str
    """The order's filler number and the reading's ordinal: the same in every system."""
    version: int
    status: str
    text_sha256: str
    """Of :meth:`ris_core.reports.content.Content.canonical_bytes`."""
    document_sha256: str
    """Of the printed report as it was before it was signed."""
    study_uids: tuple[str, ...]
    key_images: tuple[KeyImage, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"form": FORM, **asdict(self)}


@dataclass(frozen=True, slots=True)
class SignedResult:
    """A report version as it is stated in XML, with what it binds. Times are ISO 8601 with their offset."""

    binding: Binding
    site_name: str
    patient_name: str
    patient_identifiers: tuple[PatientIdentifier, ...]
    birth_date: str
    """As DICOM has it: ``YYYYMMDD``, ``YYYYMM``, ``YYYY`` or empty."""
    sex: str
    accession_number: str
    placer_order_number: str
    filler_order_number: str
    service_code: str
    service_coding_system: str
    service_name: str
    modality: str
    content: Content
    approver_username: str
    approver_name: str
    approved_at: str
