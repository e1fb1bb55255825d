"""Images first, the order afterwards: an emergency is scanned at once, and the HIS orders it when there is time."""

from __future__ import annotations

import json

import pytest
from pydicom import Dataset

from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import study_of
from ris_testing.orders import an_order
from ris_testing.performing import console, exam, scanner
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.both]

QUEUED = """
import json
from ris_core.performed.models import PerformedProcedureStep
from ris_core.studies.models import Study
study = Study.objects.filter(study_instance_uid={uid!r}).first()
performed = PerformedProcedureStep.objects.get(study_instance_uid={uid!r})
print(json.dumps([study.state if study else "", performed.warnings, performed.performed_for.count()]))
"""
SWEEP = "from ris_core.jobs.services import enqueue; enqueue('sweep_studies', 'site')"
"""Otherwise it looks by itself within a minute."""


def _typed_in(accession_number: str, study_uid: str, patient_id: str) -> Dataset:
    """What a technologist types into a console, in the form of a worklist's answer."""
    step = Dataset()
    step.Modality, step.ScheduledProcedureStepID = "CT", ""
    typed = Dataset()
    typed.StudyInstanceUID, typed.AccessionNumber, typed.RequestedProcedureID = study_uid, accession_number, ""
    typed.PatientID = patient_id
    typed.ScheduledProcedureStepSequence = [step]
    return typed


def test_images_and_reports_that_came_before_their_order_find_it(suite: RunningSuite) -> None:
    order = an_order().stat()
    made = study_of(
        images=2,
        AccessionNumber=order.accession_number,
        PatientID=order.patient_id,
        PatientName=order.patient_name,
        PatientBirthDate=order.birth_date,
        PatientSex=order.sex,
    )
    study_uid = str(made[0].StudyInstanceUID)
    device = console(suite)
    uid = device.begin_step(_typed_in(order.accession_number, study_uid, order.patient_id))
    scanner(suite).store(made)
    device.end_step(uid, made)
    wait_until(lambda: json.loads(suite.python(QUEUED.format(uid=study_uid)))[0] == "UNMATCHED", "waits in the queue")
    assert json.loads(suite.python(QUEUED.format(uid=study_uid)))[1:] == [["UNSCHEDULED"], 0]
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    suite.python(SWEEP)
    wait_until(lambda: exam(suite, order)[0] == "READY_TO_READ", "linked to its order, and ready")
    assert exam(suite, order)[2:] == [[["COMPLETED", 2]], ["COMPLETE", 0]]
    assert not scanner(suite).find_worklist(AccessionNumber=order.accession_number)
