"""What the container files promise, seen on containers that run. Collected with ``QUANG_BACKEND=containers`` only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from ris_testing.backends import Part, RunningSuite
from ris_testing.containers import ComposeProject, ContainerSuite

pytestmark = pytest.mark.integration

SERVICE_ID = "10001"
PUBLISHED = {Part.NGINX: {"8080/tcp"}, Part.ORTHANC: {"4242/tcp", "2575/tcp", "8042/tcp"}, Part.MPPS: {"4243/tcp"}}
"""Orthanc's own HTTP (8042) is published for tests only, by ``docker/compose.test.yaml``."""


@pytest.fixture
def project(suite: RunningSuite) -> ComposeProject:
    assert isinstance(suite, ContainerSuite)
    return suite.project


@pytest.mark.parametrize("part", Part)
def test_a_part_has_no_more_rights_than_it_needs(project: ComposeProject, part: Part) -> None:
    container = project.container(part)
    host = container["HostConfig"]
    assert container["Config"]["User"] == f"{SERVICE_ID}:{SERVICE_ID}"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert 0 < host["PidsLimit"] <= 1024


@pytest.mark.parametrize("part", Part)
def test_a_part_comes_back_by_itself_and_its_log_stays_small(project: ComposeProject, part: Part) -> None:
    host = project.container(part)["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}


@pytest.mark.parametrize("part", Part)
def test_only_what_others_call_is_published_and_on_loopback(project: ComposeProject, part: Part) -> None:
    bound = {port: where for port, where in project.container(part)["HostConfig"]["PortBindings"].items() if where}
    assert set(bound) == PUBLISHED.get(part, set())
    assert {address["HostIp"] for where in bound.values() for address in where} <= {"127.0.0.1"}


def test_secrets_are_private_files_and_in_no_containers_environment(
    suite: RunningSuite, project: ComposeProject
) -> None:
    listing = project.run("exec", "-T", Part.WEB, "stat", "-c", "%a %u %n", "/run/quang/secrets")
    files = project.run("exec", "-T", Part.WEB, "sh", "-c", "stat -c '%a %u %n' /run/quang/secrets/*").split("\n")
    assert listing.startswith(f"700 {SERVICE_ID} ")
    names = {line.rsplit("/", 1)[1] for line in files if line}
    assert {"django_secret_key", "viewer_signing_key", "service_token_web", "pgpass"} <= names
    assert all(line.startswith(f"600 {SERVICE_ID} ") for line in files if line)
    secrets = [suite.secret(name) for name in names]
    for part in Part:
        environment = json.dumps(project.container(part)["Config"]["Env"])
        assert not [secret for secret in secrets if secret in environment]


def test_the_database_sees_its_own_password_and_no_other_secret(project: ComposeProject) -> None:
    mounts = {mount["Destination"] for mount in project.container(Part.POSTGRES)["Mounts"]}
    assert mounts == {"/var/lib/quang-postgres", "/run/quang/database"}


@pytest.mark.parametrize("part", Part)
def test_an_image_keeps_nothing_of_the_network_it_was_built_in(project: ComposeProject, part: Part) -> None:
    image: dict[str, Any] = json.loads(_docker("image", "inspect", project.container(part)["Image"]))[0]
    names = {entry.split("=", 1)[0].lower() for entry in image["Config"]["Env"]}
    assert not names & {"http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "pip_cert", "npm_config_cafile"}
    # the build's mounts may leave an empty place behind, and nothing in it
    assert project.run("exec", "-T", part, "sh", "-c", "find /run/secrets -type f -size +0 2>/dev/null || true") == ""


def test_starting_again_leaves_the_secrets_as_they_are(suite: RunningSuite, project: ComposeProject) -> None:
    before = {name: suite.secret(name) for name in ("django_secret_key", "viewer_signing_key", "pgpass")}
    project.run("run", "--rm", "secrets")
    assert {name: suite.secret(name) for name in before} == before


def test_the_front_door_finds_a_part_whose_address_has_changed(suite: RunningSuite, project: ComposeProject) -> None:
    network = f"{project.name}_front"
    before = _address(project, Part.WEB, network)
    project.run("rm", "--stop", "--force", Part.WEB)
    # somebody else takes the address that the web app left
    image = project.container(Part.WORKER)["Config"]["Image"]
    other = _docker("run", "--detach", "--rm", f"--network={network}", image, "sleep", "300").strip()
    try:
        project.run("up", "--detach", "--no-build", "--no-deps", Part.WEB)
        project.wait_healthy([Part.WEB], 60)
        assert _address(project, Part.WEB, network) != before
        assert requests.get(f"{suite.public_url}/healthz", timeout=20).status_code == 200
    finally:
        _docker("rm", "--force", other)


@pytest.mark.parametrize("part", list(Part))
def test_a_killed_part_is_started_again(suite: RunningSuite, part: Part) -> None:
    suite.crash(part)
    suite.wait_healthy()


def test_the_front_door_speaks_https_only_once_it_is_told_to(
    new_suite: Callable[[Mapping[str, str]], RunningSuite], tmp_path: Path
) -> None:
    """With a certificate of the suite's own authority, of which the front door does not see the key."""
    suite = new_suite({"QUANG_HTTPS": "on"})
    assert isinstance(suite, ContainerSuite)
    authority = tmp_path / "authority.pem"
    authority.write_text(suite.read_home("certificates/authority.pem"))
    page = requests.get(f"{suite.public_url}/login/", verify=str(authority), timeout=60)
    assert (page.status_code, page.headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
    assert page.cookies
    assert all(cookie.secure for cookie in page.cookies)
    plain = requests.get(suite.public_url.replace("https", "http") + "/login/", timeout=60, allow_redirects=False)
    assert (plain.status_code, plain.headers["Location"]) == (308, f"{suite.public_url}/login/")
    seen = suite.project.run("exec", "-T", Part.NGINX, "ls", "/var/lib/quang-front-door").split()
    assert seen == ["certificate.pem", "key.pem"]
    assert "front-door: /var/lib/quang-front-door/certificate.pem: 39" in suite.manage("certificates", "status")


def _address(project: ComposeProject, part: Part, network: str) -> str:
    address: str = project.container(part)["NetworkSettings"]["Networks"][network]["IPAddress"]
    return address


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout
