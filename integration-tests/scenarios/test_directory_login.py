"""A doctor of the hospital's directory logs in, reads, changes groups, leaves; the directory goes down and comes back.

The directory is OpenLDAP's slapd over StartTLS, its certificate signed by an authority made here; web app, worker and
Orthanc are the real ones (P4, Q1, Q6).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ris_testing.backends import RunningSuite, chosen_backend
from ris_testing.directory_server import (
    BASE,
    READER,
    READER_PASSWORD,
    DirectoryServer,
    directory_server,
    group,
    person,
)
from ris_testing.ris_user import RefusedByRis, RisUser, log_in
from ris_testing.start import start_suite
from ris_testing.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.once,
    pytest.mark.skipif(chosen_backend() == "containers", reason="the directory listens on this machine's loopback"),
]

PASSWORD = "mat-khau-Lan-1"
SETTINGS = """
[access]
basic_for_tools = true
captcha_after = 0  # it is mistyped here more often than people do

[[directories]]
name = "bv"
kind = "openldap"
urls = ["{url}"]
ca_file = "{ca}"
base = "{base}"
bind_dn = "{reader}"
domains = ["benhvien.test"]
outage = "cached"
outage_minutes = 10
recheck_minutes = 0.02
timeout_seconds = 5
roles = [
  {{ group = "{chiefs}", role = "SENIOR" }},
  {{ group = "{readers}", role = "RADIOLOGIST" }},
]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DirectoryServer]:
    with directory_server(tmp_path / "slapd") as running:
        running.add_group("Truong khoa", person("ktv_hung"))
        yield running


@pytest.fixture
def hospital(tmp_path: Path, directory: DirectoryServer) -> Iterator[RunningSuite]:
    home = tmp_path / "suite"
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "secrets" / "directory_password_bv").write_text(READER_PASSWORD)
    ca = home / "directory-ca.pem"
    ca.write_bytes(directory.ca.read_bytes())
    names = {"chiefs": group("Truong khoa"), "readers": group("Bac si CDHA"), "reader": READER, "base": BASE}
    (home / "quang.toml").write_text(SETTINGS.format(url=directory.url, ca=ca, **names))
    suite = start_suite(home)
    try:
        yield suite
    finally:
        suite.down()


def is_in(user: RisUser) -> bool:
    answer = user.session.get(f"{user.public_url}/", timeout=20, allow_redirects=False)
    return answer.status_code == 200


def refused_with(hospital: RunningSuite, name: str, password: str) -> int:
    with pytest.raises(RefusedByRis) as refusal:
        RisUser(hospital.public_url, name, password)
    return refusal.value.status


def tool(hospital: RunningSuite, path: str, password: str = PASSWORD) -> int:
    answer = requests.get(f"{hospital.orthanc_url}{path}", auth=("bs.lan", password), timeout=20)
    return answer.status_code


def has_role(administrator: RisUser, role: str) -> bool:
    """Whether the screen of accounts shows the doctor as one of a directory, with this role."""
    page = administrator.session.get(
        f"{administrator.public_url}/admin/users/", params={"q": "bs_lan", "role": role, "state": "open"}, timeout=20
    )
    return "<code>bs_lan</code>" in page.text and "máy chủ tài khoản" in page.text


def test_a_doctor_of_the_directory_from_first_login_to_the_last(
    hospital: RunningSuite, directory: DirectoryServer
) -> None:
    # who is in no group of the settings, or gives another password, stays outside
    assert refused_with(hospital, "bs.lan", "sai-mat-khau") == 401
    assert refused_with(hospital, "ke_toan", "mat-khau-KT-1") == 403
    assert refused_with(hospital, "bs.lan)(uid=*", PASSWORD) == 401

    # a group in a group gives the role; the account is made
    lan = RisUser(hospital.public_url, "bs.lan@benhvien.test", PASSWORD)
    assert is_in(lan)
    administrator = log_in(hospital.public_url, hospital.demo_logins(), "ADMINISTRATOR")
    assert has_role(administrator, "RADIOLOGIST")

    # the same name and password at Orthanc, within the role
    assert tool(hospital, "/system") == 200
    assert tool(hospital, "/dicom-web/studies?StudyInstanceUID=1.2.3") == 200
    assert tool(hospital, "/studies") == 403
    assert tool(hospital, "/system", "sai-mat-khau") == 403

    # another group, another role; the session of the old one ends
    directory.join("Truong khoa", person("bs.lan"))
    wait_until(lambda: not is_in(lan), "the session ends when the role changes")
    assert has_role(administrator, "SENIOR")
    directory.leave("Truong khoa", person("bs.lan"))
    wait_until(lambda: has_role(administrator, "RADIOLOGIST"), "the role follows the group")

    # out of all groups: out of the web app and out of Orthanc
    lan = RisUser(hospital.public_url, "bs.lan", PASSWORD)
    assert tool(hospital, "/system") == 200
    directory.join("Bac si CT", person("ktv_hung"))
    directory.leave("Bac si CT", person("bs.lan"))
    wait_until(lambda: not is_in(lan), "the session ends with the last group")
    began = time.monotonic()
    wait_until(lambda: tool(hospital, "/system") == 403, "Orthanc takes the program no more")
    print(f"Orthanc refuses {time.monotonic() - began:.1f} s after the account was closed")
    assert refused_with(hospital, "bs.lan", PASSWORD) == 403
    directory.join("Bac si CT", person("bs.lan"))
    lan = RisUser(hospital.public_url, "bs.lan", PASSWORD)

    # an outage: who is in stays, who was in gets in again with the same password, nobody else; the local one always
    directory.stop()
    assert is_in(lan)
    assert is_in(RisUser(hospital.public_url, "bs.lan", PASSWORD))
    assert refused_with(hospital, "bs.lan", "sai-mat-khau") == 401
    assert refused_with(hospital, "ktv_hung", "mat-khau-Hung-1") == 503
    assert is_in(log_in(hospital.public_url, hospital.demo_logins(), "ADMINISTRATOR"))

    # it is back: a new password counts at once, the old one no more
    directory.start()
    directory.set_password("bs.lan", "mat-khau-Lan-2")
    assert refused_with(hospital, "bs.lan", PASSWORD) == 401
    assert is_in(RisUser(hospital.public_url, "bs.lan", "mat-khau-Lan-2"))
    secrets = (PASSWORD, "mat-khau-Lan-2", READER_PASSWORD)
    logs = "\n".join(line for part in ("web", "worker", "orthanc") for line in hospital.logs(part, 2000))  # type: ignore[arg-type]
    assert not any(secret in logs for secret in secrets)
