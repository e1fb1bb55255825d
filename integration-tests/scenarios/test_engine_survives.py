"""The bare engine, with our configuration and shim, survives what ends Debian's Orthanc."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)

from ris_testing.engine import Engine, running_engine

pytestmark = [pytest.mark.integration, pytest.mark.once]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine"), python=False, automation=False) as running:
        yield running


def _post(engine: Engine, path: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=30)
    connection.request("POST", path, body)
    return connection.getresponse().status


def _answers(engine: Engine) -> bool:
    return engine.process.poll() is None and engine.get("/system")["ApiVersion"] > 0


def _nested(levels: int) -> bytes:
    inner = Dataset()
    inner.CodeValue = "1"
    for _ in range(levels):
        outer = Dataset()
        outer.ConceptNameCodeSequence = Sequence([inner])
        inner = outer
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.{levels}")
    dataset.ConceptNameCodeSequence = inner.ConceptNameCodeSequence
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    dcmwrite(file, dataset)
    return file.getvalue()


def test_deeply_nested_sequences_are_stored_and_read_up_to_orthancs_limit_and_refused_above(engine: Engine) -> None:
    assert _post(engine, "/instances", _nested(60)) == 200
    assert _post(engine, "/instances", _nested(64)) == 400
    assert _post(engine, "/instances", _nested(120)) == 400
    for orthanc_id in engine.get("/instances"):
        engine.get(f"/instances/{orthanc_id}/tags")
    assert _answers(engine)


def test_a_query_of_300_nested_arrays_is_refused(engine: Engine) -> None:
    assert _post(engine, "/tools/find", b"[" * 300) >= 400
    assert _answers(engine)


def test_a_device_that_takes_only_jpeg_ls_is_sent_a_jpeg_2000_image(engine: Engine) -> None:
    image = dcmread(str(get_testdata_file("MR_small_jp2klossless.dcm")))
    assert _post(engine, "/instances", Path(str(get_testdata_file("MR_small_jp2klossless.dcm"))).read_bytes()) == 200
    received: list[str] = []

    def store(event: evt.Event) -> int:
        received.append(event.context.transfer_syntax)
        return 0x0000

    device = AE(ae_title="VIEWSTATION")
    device.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    for storage_class in (MRImageStorage, CTImageStorage):
        device.add_requested_context(storage_class, [JPEGLSLossless])
    roles: list[Any] = [build_role(MRImageStorage, scp_role=True), build_role(CTImageStorage, scp_role=True)]
    association = device.associate(
        "127.0.0.1", engine.dicom_port, ae_title="ORTHANC", ext_neg=roles, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = image.StudyInstanceUID
    statuses = [status.Status for status, _ in association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)]
    association.release()
    assert statuses[-1] == 0x0000
    assert received == [JPEGLSLossless]
    assert _answers(engine)


def test_the_dicom_port_listens_on_loopback_only(engine: Engine) -> None:
    listening = [
        line.split()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{engine.dicom_port:04X}")
    ]
    assert [fields[1].partition(":")[0] for fields in listening] == ["0100007F"]
