"""The local authority: what it signs is trusted by TLS, its keys are nobody else's, and what ends soon is renewed."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ris_core.certificates.authority import CERTIFICATE_DAYS, LocalAuthority, days_left
from ris_core.errors import InvalidValue

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_client_that_trusts_the_authority_trusts_what_it_signed_for_its_hosts_only(tmp_path: Path) -> None:
    LocalAuthority(tmp_path, "Bệnh viện Quang").certify("front-door", "ris.hospital.vn", ["localhost"], NOW)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "front-door.pem", tmp_path / "front-door.key")
    client = ssl.create_default_context(cafile=tmp_path / "authority.pem")

    def shake_hands(host: str) -> None:
        ours, theirs = socket.socketpair()

        def answer() -> None:
            try:
                server.wrap_socket(theirs, server_side=True).close()
            except OSError:
                theirs.close()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            client.wrap_socket(ours, server_hostname=host).close()
        finally:
            ours.close()
            thread.join()

    shake_hands("localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands("elsewhere.vn")


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    LocalAuthority(tmp_path / "certificates", "Q").certify("CT1", "CT1", [], NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certificates").iterdir()}
    assert modes["CT1.key"] == modes["authority.key"] == 0o600
    assert stat.S_IMODE((tmp_path / "certificates").stat().st_mode) == 0o700
    assert set(modes) == {"CT1.pem", "CT1.key", "authority.pem", "authority.key"}


def test_one_that_ends_soon_is_made_anew_and_a_fresh_one_stays(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path, "Q")
    assert authority.certify_unless_fresh("dicom", "dicom", [], NOW)
    first = (tmp_path / "dicom.pem").read_bytes()
    assert not authority.certify_unless_fresh("dicom", "dicom", [], NOW)
    assert days_left(tmp_path / "dicom.pem", NOW) == CERTIFICATE_DAYS
    assert authority.certify_unless_fresh("dicom", "dicom", [], NOW + timedelta(days=CERTIFICATE_DAYS - 20))
    assert (tmp_path / "dicom.pem").read_bytes() != first


@pytest.mark.parametrize("name", ["../x", "authority", "", "a/b"])
def test_a_name_that_is_no_file_of_this_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue):
        LocalAuthority(tmp_path, "Q").certify(name, "x", [], NOW)
