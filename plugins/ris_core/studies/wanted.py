"""What the stored images of a study should say: as received, with the attributes of its order (PS3.4 B.4.1.3 lets the
archive coerce them) and the study that a person has put them into.

The table :data:`ATTRIBUTES` says which attribute comes from where. A study is rewritten only when one of those that
identify it differs; the others go along.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet

from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.patients.services import identifiers_of
from ris_core.studies.models import CopyDecision, KeptCopy, Placement, Study
from ris_core.studies.received import Header
from ris_core.studies.rewriting import Items, Wanted

PATIENT_ID: Final = 0x00100020
ISSUER_OF_PATIENT_ID: Final = 0x00100021
STUDY_INSTANCE_UID: Final = 0x0020000D


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as far as images repeat it."""

    patient: Patient
    primary_identifier: str
    primary_issuer: str
    former_identifiers: tuple[str, ...]
    """Medical record numbers beside the primary one, such as those of a merged record."""
    procedures: tuple[RequestedProcedure, ...]
    """All that the study is linked to; the first gives the accession number."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute and its value by the order; None leaves it as received."""

    tag: int
    value: Callable[[OrderFacts], str | Items | None]
    identifies: bool = False
    """A difference in it makes a correction necessary."""


def _request_items(order: OrderFacts) -> Items:
    """PS3.3 C.7.3.1.1, Request Attributes Sequence: one item a procedure."""
    return tuple(
        {
            0x00080050: procedure.request.accession_number,
            0x0020000D: procedure.study_instance_uid,
            0x00321060: procedure.service_name[:64].strip(),
            0x00401001: procedure.requested_procedure_id,
        }
        for procedure in order.procedures
    )


ATTRIBUTES: Final = (
    Attribute(0x00080050, lambda o: o.procedures[0].request.accession_number, identifies=True),
    Attribute(0x00100010, lambda o: unicodedata.normalize("NFC", o.patient.dicom_name), identifies=True),
    Attribute(PATIENT_ID, lambda o: o.primary_identifier or None, identifies=True),
    Attribute(ISSUER_OF_PATIENT_ID, lambda o: o.primary_issuer or None),
    Attribute(0x00100030, lambda o: o.patient.birth_date if len(o.patient.birth_date) == 8 else None, identifies=True),
    Attribute(0x00100040, lambda o: o.patient.sex or None, identifies=True),
    Attribute(0x00101000, lambda o: "\\".join(o.former_identifiers) or None),
    Attribute(0x00321060, lambda o: o.procedures[0].service_name[:64].strip()),
    Attribute(0x00400275, _request_items),
)
"""AccessionNumber, PatientName, PatientID, IssuerOfPatientID, PatientBirthDate, PatientSex, OtherPatientIDs,
RequestedProcedureDescription, RequestAttributesSequence."""
_IDENTIFYING: Final = tuple(attribute.tag for attribute in ATTRIBUTES if attribute.identifies)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the files of one study row should say, and where else some of its images belong."""

    study_id: int
    study_instance_uid: str
    wanted: Wanted
    placements: tuple[tuple[str, str, int], ...] = field(default=())
    """SeriesInstanceUID (or empty: everything), SOPInstanceUID (or empty: the whole series), key of the study that they
    belong to."""
    decided: tuple[tuple[int, str], ...] = field(default=())
    """Copies under the UIDs of its images, and what a person has decided about each."""
    files_left: tuple[str, ...] = field(default=())
    """Files that a person has decided to leave as they are."""

    def owner(self, series_instance_uid: str, sop_instance_uid: str) -> int:
        """The study that an image received with this one belongs to."""
        by_uid = {(series, instance): target for series, instance, target in self.placements}
        whole = by_uid.get((series_instance_uid, ""), by_uid.get(("", ""), self.study_id))
        return by_uid.get((series_instance_uid, sop_instance_uid), whole)

    def digest(self, instance_count: int) -> str:
        """Equal when the same is wanted of as many images."""
        told = [instance_count, self.study_instance_uid, sorted(self.wanted.items()), sorted(self.placements)]
        told += [self.decided, self.files_left]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False, default=str).encode()).hexdigest()


def plan_for(study: Study) -> Plan:
    """What the files of ``study`` should say now."""
    wanted: dict[int, str | Items | None] = {int(tag, 16): text for tag, text in study.restated.items()}
    facts = _facts(study) if settings.QUANG.mapping.correct_images else None
    if facts is not None:
        for attribute in ATTRIBUTES:
            value = attribute.value(facts)
            if value is not None:
                wanted[attribute.tag] = value
    placed = Placement.objects.filter(origin=study, undone=False).order_by("pk")
    rows = placed.values_list("series_instance_uid", "sop_instance_uid", "target_id")
    decided = copies_in(study).exclude(decision=CopyDecision.WAITING).order_by("pk").values_list("pk", "decision")
    return Plan(study.pk, study.study_instance_uid, wanted, tuple(rows), tuple(decided), tuple(study.files_left))


def copies_in(study: Study) -> QuerySet[KeptCopy]:
    """Copies that matter for the images of a study: its own, and those of studies whose images lie in it."""
    return KeptCopy.objects.filter(
        Q(study=study) | Q(study__in=Placement.objects.filter(target=study).values("origin"))
    )


def identifies_otherwise(header: Header, wanted: Wanted) -> bool:
    """Whether a file with this header says that it is another order's or patient's than it should."""
    return any(
        _comparable(header.text(f"{tag:08X}")) != _comparable(str(wanted[tag])) for tag in _IDENTIFYING if tag in wanted
    )


def _comparable(text: str) -> str:
    """Blanks and empty name components at the end mean nothing (PS3.5 6.2)."""
    return unicodedata.normalize("NFC", text).strip().rstrip("^=").strip()


def _facts(study: Study) -> OrderFacts | None:
    links = study.links.filter(undone_at__isnull=True).select_related("procedure__request", "procedure__patient")
    procedures = [link.procedure for link in links.order_by("linked_at", "pk")]
    if not procedures:
        return None
    received = study.received_accession_number
    procedures.sort(key=lambda procedure: procedure.request.accession_number != received)
    patient = procedures[0].patient
    while patient.merged_into is not None:
        patient = patient.merged_into
    identifiers = identifiers_of(patient.pk)
    primary = next((one for one in identifiers if one.is_primary), None)
    return OrderFacts(
        patient=patient,
        primary_identifier=primary.value if primary else "",
        primary_issuer=primary.issuer if primary else "",
        former_identifiers=tuple(_values(one for one in identifiers if one.kind == "MR" and not one.is_primary)),
        procedures=tuple(procedures),
    )


def _values(identifiers: Iterable[object]) -> list[str]:
    return [value for one in identifiers if "\\" not in (value := str(getattr(one, "value", "")))][:8]
