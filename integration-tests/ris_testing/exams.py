"""Exams with their images, straight into the database: where a test of reading, reports or delivery begins."""

from __future__ import annotations

import itertools
import secrets
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ris_core.accounts.models import Role, User
from ris_core.audit.services import Actor
from ris_core.delivery.models import Receiver
from ris_core.identifiers import StudyInstanceUID
from ris_core.names import folded
from ris_core.orders.models import ExamState, ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep, Visit
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.reports.content import plain_content
from ris_core.reports.holding import claim
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.reports.services import amend, approve, open_reading, save_draft
from ris_core.studies.models import Study, StudyLink, StudyState

HIS = "HIS|BVQ"
_serial = itertools.count(1)


def an_exam(
    *, state: str = ExamState.READY_TO_READ, images: bool = True, source: str = HIS, **procedure: Any
) -> RequestedProcedure:
    """A CT exam of a new patient from the HIS, its images linked, ready to read."""
    number = f"{secrets.token_hex(2).upper()}{next(_serial):06d}"
    now = timezone.now()
    patient = Patient.objects.create(
        full_name="NGUYỄN THỊ ĐÀO",
        dicom_name="NGUYỄN^THỊ ĐÀO",
        search_key=folded("NGUYỄN THỊ ĐÀO"),
        birth_date="19801121",
        sex="F",
    )
    PatientIdentifier.objects.create(patient=patient, value=f"BN{number}", issuer="BVQ", is_primary=True)
    PatientIdentifier.objects.create(patient=patient, value=f"0010{number}", issuer="VN", kind="NI")
    request = ImagingServiceRequest.objects.create(
        patient=patient,
        visit=Visit.objects.create(patient=patient, visit_number=f"V{number}", patient_class="O", ward="PK01"),
        accession_number=f"AC{number}",
        source=source,
        requesting_physician="LÊ THỊ HOA",
        requesting_department="Khoa Nội thần kinh",
        clinical_indication="Đau đầu, chóng mặt",
        ordered_at=now - timedelta(hours=1),
    )
    values: dict[str, Any] = {
        "placer_order_number": f"PL{number}",
        "filler_order_number": f"F{number}",
        "requested_procedure_id": f"RP{number}",
        "study_instance_uid": StudyInstanceUID.new(),
        "service_code": "CT.SONAO",
        "service_coding_system": "BVQ",
        "service_name": "Chụp CLVT sọ não không tiêm thuốc cản quang",
        "modality": "CT",
        "scheduled_at": now,
        "images_arrived_at": now if images else None,
        **procedure,
    }
    exam = RequestedProcedure.objects.create(
        request=request, patient=patient, source=source, exam_state=state, **values
    )
    ScheduledProcedureStep.objects.create(
        procedure=exam, scheduled_procedure_step_id=f"SP{number}", modality="CT", scheduled_at=now, started_at=now
    )
    if images:
        link_images(exam)
    return exam


def link_images(exam: RequestedProcedure, orthanc_id: str = "", **study: Any) -> StudyLink:
    """A study of the exam's own StudyInstanceUID, linked by rule."""
    now = timezone.now()
    digits = secrets.token_hex(20)
    row = Study.objects.create(
        orthanc_id=orthanc_id or "-".join(digits[i : i + 8] for i in range(0, 40, 8)),
        study_instance_uid=exam.study_instance_uid,
        patient=exam.patient,
        state=StudyState.READY_TO_READ,
        modalities="CT",
        first_received_at=now,
        last_received_at=now,
        **study,
    )
    return StudyLink.objects.create(study=row, procedure=exam, how=StudyLink.How.EXACT, linked_at=now)


def a_reader(username: str = "", role: str = Role.RADIOLOGIST) -> Actor:
    """Somebody who reads and may act: a radiologist, unless another role is named."""
    name = username or f"bs_{secrets.token_hex(4)}"
    user = User.objects.create(username=name, full_name="Trần Minh Quân", title="ThS.BS.", role=role)
    return Actor(user.username, user_id=user.pk)


def a_receiver(port: int = 1, **values: Any) -> Receiver:
    """The HIS, listening on ``port`` of this machine."""
    code = values.pop("code", f"HIS{next(_serial)}")
    return Receiver.objects.create(
        code=code, name="HIS", host="127.0.0.1", port=port, application="HIS", facility="BVQ", **values
    )


def approved(
    exam: RequestedProcedure,
    reader: Actor,
    *,
    status: VersionStatus = VersionStatus.FINAL,
    conclusion: str = "Hiện không thấy hình ảnh xuất huyết nội sọ.",
    findings: str = "Nhu mô não hai bên cân đối.",
    recommendation: str = "",
) -> ReportVersion:
    """A version of the exam's report, by the same steps as on the screen: claimed (or amended), typed, approved."""
    reading = open_reading(exam.pk)
    if status == VersionStatus.CORRECTED:
        amend(reading.pk, reader)
    else:
        claim(reading.pk, reader)
    sections = plain_content("Không tiêm thuốc cản quang.", findings, conclusion, recommendation)
    reading.refresh_from_db()
    revision = save_draft(reading.pk, reading.draft_revision, sections, reader)
    return approve(reading.pk, revision, status, reader)
