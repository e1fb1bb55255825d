"""Who is let in to the engine's DICOM port: by title, address and certificate; what may be asked; and that it is
known afterwards. A suite's own Orthanc with the gate before it, spoken to by pynetdicom and by DCMTK's programs."""

from __future__ import annotations

import shutil
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from ris_core.certificates.authority import LocalAuthority
from ris_testing.engine import Engine, free_port, make_home, migrate, running_engine
from ris_testing.modality import Modality, study_of
from ris_testing.schedule import schedule
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

LOOPBACK = {"networks": "127.0.0.0/8"}
DEVICES: list[dict[str, Any]] = [
    {"ae_title": "CT1", "name": "CT 1", "modality": "CT", **LOOPBACK},
    {"ae_title": "SECURE", "name": "By TLS only", "may_call_plain": False, **LOOPBACK},
    {"ae_title": "ELSEWHERE", "name": "At another address", "host": "10.77.0.5"},
    {"ae_title": "WS1", "name": "Workstation", "may_query": True, **LOOPBACK},
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("gate")
    environment = make_home(home)
    migrate(environment)
    schedule(environment, devices=DEVICES)
    now = datetime.now(UTC)
    ours = LocalAuthority(home / "certificates", "Quang")
    ours.certify("dicom", "localhost", ["localhost", "127.0.0.1"], now)
    for title in ("SECURE", "CT1"):
        ours.certify(title, title, [], now)
    ours.certify("expired", "SECURE", [], now - timedelta(days=400))
    LocalAuthority(home / "foreign", "Somebody else").certify("SECURE", "SECURE", [], now)
    tls = {"QUANG_DICOM__TLS_PORT": str(free_port()), "QUANG_DICOM__TLS_HOST": "127.0.0.1"}
    return environment | tls


@pytest.fixture(scope="module")
def engine(environment: dict[str, str]) -> Iterator[Engine]:
    with running_engine(Path(environment["QUANG_HOME"]), environment, gate=True) as running:
        wait_until(lambda: Modality("CT1", "127.0.0.1", running.gate_port).is_let_in(), "the gate lets CT1 in")
        yield running


def rows(environment: dict[str, str], query: str) -> list[Any]:
    database = environment["QUANG_DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def association(engine: Engine, title: str, *contexts: str) -> Any:
    entity = AE(ae_title=title)
    for context in contexts:
        entity.add_requested_context(context)
    return entity.associate("127.0.0.1", engine.gate_port, ae_title="QUANG")


@pytest.mark.parametrize(("title", "reason"), [("NOBODY", "UNKNOWN"), ("ELSEWHERE", "ADDRESS"), ("SECURE", "PLAIN")])
def test_who_is_not_let_in_is_rejected_and_seen_with_the_reason(
    engine: Engine, environment: dict[str, str], title: str, reason: str
) -> None:
    refused = association(engine, title, Verification)
    assert not refused.is_established
    known = f"SELECT reason, address FROM devices_refuseddevice WHERE ae_title = '{title}' AND service = 'ASSOCIATION'"  # noqa: S608
    wait_until(lambda: rows(environment, known) == [(reason, "127.0.0.1")], "the refusal is on the page of devices")


def test_a_device_is_let_in_and_out_by_the_registry_without_a_restart(
    engine: Engine, environment: dict[str, str]
) -> None:
    device = Modality("MR9", "127.0.0.1", engine.gate_port)
    assert not device.is_let_in()
    schedule(environment, devices=[{"ae_title": "MR9", "name": "MR 9", "modality": "MR", **LOOPBACK}])
    wait_until(lambda: device.is_let_in(), "the new device is let in")
    open_still = association(engine, "MR9", Verification)
    assert open_still.is_established
    schedule(environment, withdrawn=["MR9"])
    wait_until(lambda: not device.is_let_in(), "the withdrawn device is let in no more")
    wait_until(lambda: not open_still.is_alive(), "its open association is ended")


def test_a_query_is_answered_to_whom_it_is_allowed_and_is_in_the_audit_trail(
    engine: Engine, environment: dict[str, str]
) -> None:
    [image] = study_of(modality="CT", images=1)
    assert Modality("CT1", "127.0.0.1", engine.gate_port).store([image]) == 1
    query = Dataset()
    query.QueryRetrieveLevel, query.PatientName = "STUDY", "*"
    query.StudyInstanceUID = image.StudyInstanceUID
    asking = association(
        engine, "WS1", StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet
    )
    assert [context.abstract_syntax for context in asking.accepted_contexts] == [
        StudyRootQueryRetrieveInformationModelFind
    ]
    answers = list(asking.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
    asking.release()
    assert [status.Status for status, _ in answers] == [0xFF00, 0x0000]
    audited = (
        "SELECT actor, address, json_extract(details, '$.level'), json_extract(details, '$.answers') "
        "FROM audit_auditevent WHERE action = 'images.queried'"
    )
    wait_until(
        lambda: rows(environment, audited) == [("modality:WS1", "127.0.0.1", "STUDY", 1)], "the query is audited"
    )
    refused = association(engine, "CT1", StudyRootQueryRetrieveInformationModelFind)
    assert not refused.accepted_contexts
    assert str(image.PatientName) not in engine.log()


def by_dcmtk(environment: dict[str, str], certificate: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """DCMTK's ``echoscu`` or ``storescu`` with a certificate, over TLS."""
    home = Path(environment["QUANG_HOME"])
    program, *rest = arguments
    return subprocess.run(
        [program, "-aet", "SECURE", "-aec", "QUANG", "+tls", str(certificate.with_suffix(".key")), str(certificate),
         "+cf", str(home / "certificates" / "authority.pem"), "127.0.0.1", environment["QUANG_DICOM__TLS_PORT"], *rest],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_over_tls_the_devices_own_certificate_opens_and_no_other(
    engine: Engine, environment: dict[str, str], tmp_path: Path
) -> None:
    for program in ("storescu", "echoscu"):
        assert shutil.which(program), "DCMTK's programs are installed with the tests"
    home = Path(environment["QUANG_HOME"])
    image = tmp_path / "image.dcm"
    study_of(modality="CT", images=1)[0].save_as(image, enforce_file_format=True)
    stored = by_dcmtk(environment, home / "certificates" / "SECURE.pem", "storescu", str(image))
    assert stored.returncode == 0, stored.stderr
    for refused in (home / "certificates" / "expired.pem", home / "foreign" / "SECURE.pem"):
        assert by_dcmtk(environment, refused, "echoscu").returncode != 0, refused
    assert by_dcmtk(environment, home / "certificates" / "CT1.pem", "echoscu").returncode != 0, "another device's"
    mismatch = "SELECT reason FROM devices_refuseddevice WHERE ae_title = 'SECURE' AND reason = 'CERTIFICATE'"
    wait_until(lambda: rows(environment, mismatch), "the wrong certificate is named")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_without_a_certificate_or_with_an_old_protocol_the_handshake_fails(
    engine: Engine, environment: dict[str, str], version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=Path(environment["QUANG_HOME"]) / "certificates" / "authority.pem")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    entity = AE(ae_title="SECURE")
    entity.add_requested_context(Verification)
    port = int(environment["QUANG_DICOM__TLS_PORT"])
    refused = entity.associate("127.0.0.1", port, ae_title="QUANG", tls_args=(context, "localhost"))
    assert not refused.is_established
