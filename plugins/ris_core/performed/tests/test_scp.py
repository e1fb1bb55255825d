"""The service over a real association: what it answers when it cannot keep a report, and whom it lets in."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock, patch

import msgspec
import pytest
from django.conf import settings
from django.db import DataError, OperationalError
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
)

from ris_core.certificates.authority import LocalAuthority
from ris_core.devices.admission import Node, Reason, read_networks
from ris_core.performed.errors import NoLongerUpdated
from ris_core.performed.scp import PerformedStepProvider
from ris_core.settings import Settings

TAKE_IN = "ris_core.performed.scp.take_in"


@pytest.fixture(autouse=True)
def kept_refused() -> Iterator[Mock]:
    with patch("ris_core.performed.scp.keep_refused") as keep:
        yield keep


@pytest.fixture
def provider() -> Iterator[PerformedStepProvider]:
    quang: Settings = settings.QUANG
    provider = PerformedStepProvider(
        msgspec.structs.replace(
            quang,
            mpps_port=0,
            dicom=msgspec.structs.replace(quang.dicom, registered_only=False),
            mpps=msgspec.structs.replace(quang.mpps, max_dataset_bytes=1_000),
        )
    )
    provider.start()
    yield provider
    provider.stop()


def sent(provider: PerformedStepProvider, dataset: Dataset, *, create: bool = True) -> Dataset:
    entity = AE(ae_title="CT1")
    entity.add_requested_context(ModalityPerformedProcedureStep)
    association = entity.associate("127.0.0.1", provider.port, ae_title=settings.QUANG.dicom.ae_title)
    assert association.is_established
    try:
        send = association.send_n_create if create else association.send_n_set
        status, _ = send(dataset, ModalityPerformedProcedureStep, "1.2.3")
    finally:
        association.release()
    return status


def a_dataset(comment: str = "") -> Dataset:
    dataset = Dataset()
    dataset.PerformedProcedureStepStatus = "IN PROGRESS"
    dataset.CommentsOnThePerformedProcedureStep = comment
    return dataset


def test_without_a_database_the_answer_is_a_failure_and_never_success(provider: PerformedStepProvider) -> None:
    with patch(TAKE_IN, side_effect=OperationalError("gone")):
        status = sent(provider, a_dataset())
    assert status.Status == 0x0110
    assert "gone" not in status.ErrorComment


def test_without_a_database_no_device_is_told_that_it_is_unknown() -> None:
    quang: Settings = settings.QUANG
    gone = OperationalError("gone")
    provider = PerformedStepProvider(msgspec.structs.replace(quang, mpps_port=0))
    provider.start()
    try:
        with (
            patch("ris_core.performed.scp.known_node", side_effect=gone),
            patch("ris_core.performed.services.Device.objects.filter", side_effect=gone),
        ):
            assert sent(provider, a_dataset()).Status == 0x0110
    finally:
        provider.stop()


def test_who_came_while_there_was_no_database_is_asked_before_anything_is_told_or_taken() -> None:
    """Or a forged title, let in for want of a database, would be shown the worklist once there is one."""
    quang: Settings = settings.QUANG
    provider = PerformedStepProvider(msgspec.structs.replace(quang, mpps_port=0))
    provider.start()
    entity = AE(ae_title="CT1")
    entity.add_requested_context(ModalityPerformedProcedureStep)
    entity.add_requested_context(ModalityWorklistInformationFind)
    elsewhere = Node("CT1", networks=read_networks("10.0.0.5"))
    here = Node("CT1", networks=read_networks("127.0.0.1"))
    try:
        with (
            patch("ris_core.performed.scp.known_node", side_effect=OperationalError("gone")) as known,
            patch.object(provider._worklist, "found", return_value=iter([(0xFF00, a_dataset())])) as found,
            patch(TAKE_IN) as taken,
        ):
            association = entity.associate("127.0.0.1", provider.port, ae_title=quang.dicom.ae_title)
            assert association.is_established
            known.side_effect = None
            for node, expected in ((elsewhere, (0x0124, [0xC000])), (here, (0x0000, [0xFF00, 0x0000]))):
                known.return_value = node
                told = [
                    status.Status for status, _ in association.send_c_find(a_dataset(), ModalityWorklistInformationFind)
                ]
                status, _ = association.send_n_create(a_dataset(), ModalityPerformedProcedureStep, "1.2.3")
                assert (status.Status, told) == expected
                assert (found.called, taken.called) == (node is here, node is here)
            association.release()
    finally:
        provider.stop()


def test_a_mistake_of_ours_is_a_failure_and_is_logged_without_what_it_failed_on(
    provider: PerformedStepProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with patch(TAKE_IN, side_effect=KeyError("NGUYEN")):
        status = sent(provider, a_dataset())
    assert status.Status == 0x0110
    assert "NGUYEN" not in status.ErrorComment
    [record] = [record for record in caplog.records if record.name == "ris_core.performed.scp"]
    assert (record.levelname, record.getMessage()) == ("ERROR", "N-CREATE of CT1 failed")


def test_a_value_that_cannot_be_kept_is_not_said_to_be_worth_repeating(provider: PerformedStepProvider) -> None:
    with patch(TAKE_IN, side_effect=DataError("unsupported Unicode escape sequence")):
        assert sent(provider, a_dataset()).Status == 0x0106


def test_a_refusal_has_its_status_and_error_id_and_is_kept(provider: PerformedStepProvider, kept_refused: Mock) -> None:
    with patch(TAKE_IN, side_effect=NoLongerUpdated("over")):
        status = sent(provider, a_dataset(), create=False)
    assert (status.Status, status.ErrorID) == (0x0110, 0xA710)
    report, operation, refusal = kept_refused.call_args.args
    assert (report.sop_instance_uid, operation, refusal.code) == ("1.2.3", "N-SET", "QUANG-4207")
    assert report.attributes["00400252"]["Value"] == ["IN PROGRESS"]


def test_what_cannot_be_kept_is_answered_all_the_same(provider: PerformedStepProvider, kept_refused: Mock) -> None:
    kept_refused.side_effect = OperationalError("gone")
    with patch(TAKE_IN, side_effect=NoLongerUpdated("over")):
        assert sent(provider, a_dataset(), create=False).Status == 0x0110


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (None, Reason.UNKNOWN),
        (Node("CT1", networks=read_networks("10.0.0.5")), Reason.ADDRESS),
        (Node("CT1", networks=read_networks("127.0.0.1"), plain=False), Reason.PLAIN),
    ],
)
def test_who_may_not_associate_is_rejected_and_noted_with_the_reason(node: Node | None, reason: Reason) -> None:
    quang: Settings = settings.QUANG
    provider = PerformedStepProvider(msgspec.structs.replace(quang, mpps_port=0))
    with (
        patch("ris_core.performed.scp.known_node", return_value=node),
        patch("ris_core.performed.scp.note_refusals") as noted,
    ):
        provider.start()
        entity = AE(ae_title="CT1")
        entity.add_requested_context(ModalityPerformedProcedureStep)
        assert entity.associate("127.0.0.1", provider.port, ae_title=quang.dicom.ae_title).is_rejected
        provider.stop()
    ((refusal,),) = noted.call_args.args
    assert (refusal.ae_title, refusal.service, refusal.address) == ("CT1", "REPORT", "127.0.0.1")
    assert refusal.reason == reason


def test_what_is_kept_is_answered_with_success(provider: PerformedStepProvider) -> None:
    with patch(TAKE_IN) as kept:
        assert sent(provider, a_dataset("xin chào")).Status == 0x0000
    report = kept.call_args.args[0]
    assert (report.ae_title, report.sop_instance_uid) == ("CT1", "1.2.3")


def test_a_dataset_that_is_too_large_is_refused(provider: PerformedStepProvider) -> None:
    assert sent(provider, a_dataset("x" * 2_000)).Status == 0x0213


def test_what_is_too_large_is_kept_without_its_dataset(provider: PerformedStepProvider, kept_refused: Mock) -> None:
    sent(provider, a_dataset("x" * 2_000))
    assert kept_refused.call_args.args[0].dataset == b""


def test_another_called_ae_title_is_rejected(provider: PerformedStepProvider) -> None:
    entity = AE(ae_title="CT1")
    entity.add_requested_context(ModalityPerformedProcedureStep)
    assert entity.associate("127.0.0.1", provider.port, ae_title="SOMEBODY").is_rejected


def test_an_association_that_is_kept_open_does_not_keep_the_service_from_ending(
    provider: PerformedStepProvider,
) -> None:
    entity = AE(ae_title="CT1")
    entity.add_requested_context(ModalityPerformedProcedureStep)
    association = entity.associate("127.0.0.1", provider.port, ae_title=settings.QUANG.dicom.ae_title)
    assert association.is_established
    provider.stop(grace_seconds=0.1)
    until = time.monotonic() + 20
    while not association.is_aborted or provider._entity.active_associations:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_over_tls_a_device_reports_with_its_own_certificate_only(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = LocalAuthority(tmp_path, "Quang")
    for name in ("dicom", "CT1", "CT2"):
        authority.certify(name, name, ["127.0.0.1"] if name == "dicom" else [], now)
    quang: Settings = settings.QUANG
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = {"tls_certificate": "dicom.pem", "tls_key": "dicom.key", "tls_client_ca": "authority.pem"}
    provider = PerformedStepProvider(
        msgspec.structs.replace(
            quang,
            mpps_port=0,
            mpps=msgspec.structs.replace(quang.mpps, tls_port=port),
            dicom=msgspec.structs.replace(
                quang.dicom, tls_host="127.0.0.1", **{key: str(tmp_path / name) for key, name in files.items()}
            ),
        )
    )

    def associates(certificate: str | None) -> bool:
        context = ssl.create_default_context(cafile=tmp_path / "authority.pem")
        if certificate:
            context.load_cert_chain(tmp_path / f"{certificate}.pem", tmp_path / f"{certificate}.key")
        entity = AE(ae_title="CT1")
        entity.add_requested_context(ModalityPerformedProcedureStep)
        association = entity.associate(
            "127.0.0.1", provider.tls_port, ae_title=quang.dicom.ae_title, tls_args=(context, "127.0.0.1")
        )
        established = bool(association.is_established)
        association.release()
        return established

    node = Node("CT1", networks=read_networks("127.0.0.1"), plain=False)
    with (
        patch("ris_core.performed.scp.known_node", return_value=node),
        patch("ris_core.performed.scp.note_refusals") as noted,
    ):
        provider.start()
        silent = socket.create_connection(("127.0.0.1", provider.tls_port))
        try:
            assert [associates(name) for name in ("CT1", "CT2", None)] == [True, False, False]
        finally:
            silent.close()
            provider.stop()
    ((refusal,),) = noted.call_args.args
    assert refusal.reason == Reason.CERTIFICATE
