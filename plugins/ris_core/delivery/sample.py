"""An example of a result, of nobody: for the preview of a receiver's messages and for test messages."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Final

from ris_core.delivery.layout import layout_of
from ris_core.delivery.models import Receiver
from ris_core.delivery.result import Interpreter, KeyImage, Recalled, Result, Section
from ris_core.delivery.segments import Party
from ris_core.errors import InvalidValue
from ris_core.identifiers import PatientIdentifier
from ris_core.settings import Settings

STATES: Final = ("P", "F", "C", "R")
"""Preliminary, final, corrected, recalled."""

_PDF: Final = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""
_JPEG: Final = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/wAALCAACAAIBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF"
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW"
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi"
    "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/ACv/2Q=="
)
_STUDY: Final = "2.25.1000000000000000000000000000000001"


def sample_result(
    receiver: Receiver, state: str, control_id: str, now: datetime, settings: Settings, *, test: bool
) -> Result:
    """What ``receiver`` would be told of an exam that there is not.

    :param state: one of :data:`STATES`
    :param now: aware, in the site's zone
    """
    if state not in STATES:
        raise InvalidValue("there is no such state", field="state")
    recalled = Recalled("Ví dụ về thu hồi", now) if state == "R" else None
    number = {"P": 1, "F": 2, "C": 3, "R": 3}[state]
    return Result(
        control_id=control_id,
        composed_at=now,
        hl7_version=receiver.hl7_version,
        sender=Party(settings.hl7.application, settings.hl7.facility),
        receiver=Party(receiver.application, receiver.facility),
        patient_identifiers=(PatientIdentifier("TEST0001", settings.hl7.facility or "QUANG"),),
        patient_name="THỬ^BỆNH NHÂN",
        birth_date="19800101",
        sex="O",
        patient_class="O",
        ward="",
        visit_number="TESTV1",
        visit_issuer=settings.hl7.facility,
        placer_order_number="TESTPL1",
        filler_order_number="TESTF1",
        accession_number="TESTAC1",
        requested_procedure_id="TESTRP1",
        service_code="TEST",
        service_name="Dịch vụ thử",
        service_coding_system="99QUANG",
        modality="CT",
        ordering_physician="",
        observed_at=now - timedelta(hours=1),
        status="C" if state == "R" else state,
        approved_at=now - timedelta(minutes=1),
        interpreter=Interpreter("test", "Bác Sĩ Thử", "BS."),
        sections=(Section("findings", "Mô tả thử.\nDòng hai."), Section("conclusion", "Kết luận thử.")),
        study_uids=(_STUDY,),
        viewer_url=f"{settings.public_url.rstrip('/')}/open/test",
        pdf=_PDF,
        images=(KeyImage(f"{_STUDY}.1", _JPEG, f"{settings.public_url.rstrip('/')}/open/image/test", "Ảnh thử"),),
        version_number=number,
        former_number=0 if recalled else number - 1,
        recalled=recalled,
        test=test,
        layout=layout_of(receiver.layout),
    )
