"""A site is backed up while it works, lost, and comes back elsewhere: orders, patients, images bit for bit (G2, G3)."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_suite.suite import Suite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.processes import ProcessSuite
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]  # PostgreSQL's tables: ris_core/backups/tests

CITIZEN = "001087123987"
LINKED = """
from ris_core.orders.models import RequestedProcedure
print(RequestedProcedure.objects.filter(request__accession_number={accession!r}, links__undone_at=None,
    links__study__instance_count=3).count())
"""
OF_CITIZEN = """
from ris_core.patients.models import PatientIdentifier
print(PatientIdentifier.objects.get(value={citizen!r}, kind="NI").patient.full_name)
"""


@pytest.fixture
def elsewhere(tmp_path: Path, suite: ProcessSuite) -> Iterator[Suite]:
    """An empty home with the secrets of the site that was lost, and where it has one an empty database server."""
    home = tmp_path / "elsewhere"
    shutil.copytree(suite.native.settings.home.secrets, home / "secrets")
    if suite.database == "postgresql":
        server = Suite.at(home, database="postgresql", parts=frozenset())
        server.up()
    new = Suite.at(home, database=suite.database)
    yield new
    new.down()


def digests(suite: ProcessSuite, study_uid: str) -> set[str]:
    """MD5 of every stored file of the study."""
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as engine:
        return {
            hashlib.md5(engine.instance_file(image.orthanc_id), usedforsecurity=False).hexdigest()
            for study in engine.find_studies(StudyInstanceUID(study_uid))
            for image in engine.instances(study)
        }


def test_what_was_backed_up_while_running_comes_back_elsewhere(suite: ProcessSuite, elsewhere: Suite) -> None:
    order = replace(an_order(), citizen_id=CITIZEN)
    later = an_order()
    for each in (order, later):
        assert acknowledgement_code(place_order(each.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    device = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    [answer] = device.find_worklist(AccessionNumber=order.accession_number)
    device.store(acquire(answer))
    wait_until(lambda: suite.python(LINKED.format(accession=order.accession_number)) == "1", "images linked")
    study_uid = str(answer.StudyInstanceUID)
    before = digests(suite, study_uid)
    assert len(before) == 3

    home = suite.native.settings.home.path
    suite.manage("backup", str(home / "backups"))
    [file] = (home / "backups").iterdir()
    content = file.read_bytes()
    assert CITIZEN.encode() not in content
    assert b"DICM" not in content[:10_000_000]
    moved = elsewhere.settings.home.path / "run" / file.name
    moved.parent.mkdir(exist_ok=True)

    moved.write_bytes(content[:-100])
    refused = elsewhere.manage("restore", str(moved))
    assert refused.returncode != 0
    assert "damaged" in refused.stderr
    assert not list(elsewhere.settings.home.orthanc.iterdir())

    moved.write_bytes(content)
    restored = elsewhere.manage("restore", str(moved), timeout_seconds=300)
    assert restored.returncode == 0, restored.stderr
    elsewhere.up()
    there = ProcessSuite(elsewhere)
    assert digests(there, study_uid) == before
    assert there.python(OF_CITIZEN.format(citizen=CITIZEN)) == suite.python(OF_CITIZEN.format(citizen=CITIZEN))
    device_there = partial(Modality, "CT1", there.dicom.host, there.dicom.port, called=there.ae_title)
    assert len(device_there().find_worklist(AccessionNumber=later.accession_number)) == 1
    new = an_order()
    assert acknowledgement_code(place_order(new.message(), host=there.mllp.host, port=there.mllp.port)) == "AA"
    assert len(device_there().find_worklist(AccessionNumber=new.accession_number)) == 1
