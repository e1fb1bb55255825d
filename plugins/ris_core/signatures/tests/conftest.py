"""Trust services of the tests' own, shared by all tests of this folder: making keys takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.trust_services import TrustServices, trust_services


@pytest.fixture(scope="package")
def shared_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustServices]:
    with trust_services(tmp_path_factory.mktemp("trust")) as services:
        yield services


@pytest.fixture
def services(shared_services: TrustServices) -> TrustServices:
    """All well, nothing asked yet."""
    shared_services.broken.clear()
    shared_services.asked.clear()
    shared_services.authority.revoked.clear()
    return shared_services


@pytest.fixture(scope="package")
def owner(shared_services: TrustServices) -> KeyAndCertificate:
    """The signer's key and certificate."""
    return shared_services.authority.issue("BS. Trần Minh Quân")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
