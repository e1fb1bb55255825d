"""The front door: the real nginx with its rendered configuration, before servers that say what reached them."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ris_core.certificates.authority import LocalAuthority
from ris_suite import layout, nginx_config, sandbox
from ris_suite.home_folder import give_to
from ris_suite.ports import free_port
from ris_suite.sandbox import Bind

pytestmark = pytest.mark.integration

SAFETY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "strict-transport-security": "max-age=31536000",
}
FRAMES = "/dicom-web/studies/1.2/series/1.3/instances/1.4/frames/1"
ANY_SYNTAX = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


COMPRESSED_OR_ANY = (
    'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.202, '
    "multipart/related; type=application/octet-stream; transfer-syntax=*"
)


class _Echo(BaseHTTPRequestHandler):
    """Answers with the request line and headers that reached it; the gateway's server with the status in the UID."""

    gateway_port: ClassVar[int] = 0

    def do_GET(self) -> None:
        refusal = re.search(r"/instances/9\.(\d{3})/frames", self.path)
        if refusal and self.connection.getsockname()[1] == self.gateway_port:
            self.send_error(int(refusal[1]))
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = {
            "server": str(self.connection.getsockname()[1]),
            "path": self.path,
            "read": len(self.rfile.read(length)),
        }
        content = json.dumps({**body, **{name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the names that http.server looks for)

    def log_message(self, format: str, *arguments: object) -> None:
        return


@dataclass
class Door:
    """A running front door, and the servers behind it."""

    port: int
    ports: dict[str, int]
    access_log: Path
    authority: Path | None = None
    """Whom to trust; None: plain HTTP."""

    def connection(self) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        context = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = self.connection()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
        for name, value in named.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def reached(self, path: str, **headers: str) -> dict[str, str]:
        """What the server behind it saw of an allowed request."""
        status, _, body = self.ask(path, **headers)
        assert status == 200, (path, status)
        seen: dict[str, str] = json.loads(body)
        return seen


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("door")) as running:
        yield running


@pytest.fixture(scope="module")
def secure_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """With a certificate, behind a proxy on this machine."""
    home = tmp_path_factory.mktemp("secure")
    certificate = LocalAuthority(home, "Quang").certify("front-door", "localhost", ["127.0.0.1"], datetime.now(UTC))
    tls = nginx_config.Tls(certificate, certificate.with_suffix(".key"))
    with a_door(home, tls=tls, trusted_proxies=("127.0.0.1/32",)) as running:
        yield running


@contextmanager
def a_door(home: Path, **changes: Any) -> Iterator[Door]:
    """The real nginx before servers that echo, its configuration with ``changes``."""
    viewer = home / "viewer" / "3.13.2-test"
    viewer.mkdir(parents=True)
    (viewer / "index.html").write_text("<!doctype html><title>viewer</title>")
    (viewer / "app.bundle.js").write_text("// code")
    (viewer / "app.bundle.js.gz").write_bytes(b"compressed")
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), _Echo) for name in ("web", "events", "orthanc")}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = {name: int(server.server_address[1]) for name, server in servers.items()}
    _Echo.gateway_port = ports["web"]
    port = free_port()
    run = home / "run"
    run.mkdir()
    usual: dict[str, Any] = {
        "listen": f"127.0.0.1:{port}",
        "web": f"127.0.0.1:{ports['web']}",
        "events": f"127.0.0.1:{ports['events']}",
        "orthanc": f"127.0.0.1:{ports['orthanc']}",
        "viewer_parent": home,
        "viewer_version": "3.13.2-test",
        "run": run,
        "access_log": run / "access.log",
    }
    front_door = nginx_config.FrontDoor(**{**usual, **changes})
    nginx_config.write(run / "nginx.conf", front_door)
    account = sandbox.service_account()
    if account is not None:
        give_to(home, account)
    command = ["/usr/sbin/nginx", "-e", "stderr", "-p", str(run), "-c", str(run / "nginx.conf")]
    nginx = subprocess.Popen(
        sandbox.engine_command(command, [Bind(layout.REPOSITORY), Bind(home, writable=True)], account)
    )
    running = Door(port, ports, run / "access.log", home / "authority.pem" if changes.get("tls") else None)
    _wait_until_it_answers(running, nginx)
    yield running
    nginx.terminate()
    nginx.wait(10)
    for server in servers.values():
        server.shutdown()


def _wait_until_it_answers(door: Door, nginx: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert nginx.poll() is None, "nginx ended"
        try:
            door.ask("/")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not answer")


def test_each_path_reaches_its_own_server(door: Door) -> None:
    reached = {
        path: door.reached(path)["server"]
        for path in ("/", "/worklist?page=2", "/events", "/dicom-web/studies", "/static/quang.css")
    }
    names = {port: name for name, port in door.ports.items()}
    assert [names[int(port)] for port in reached.values()] == ["web", "web", "events", "orthanc", "web"]


@pytest.mark.parametrize(
    "path",
    [
        "/system",
        "/instances",
        "/tools/execute-script",
        "/dicom-web/servers",
        "/dicom-web/info",
        "/dicom-web/",
        "/dicom-web",
        "/dicom-webx",
        "/wado/x",
        "/dicom-web/studies/1.2/../../../system",
        "/dicom-web/studies/1.2%2f..%2f..%2fsystem",
        "/dicom-web//studies",
        "/dicom-web/studies/%2e%2e/servers",
    ],
)
def test_no_other_route_of_orthanc_can_be_reached(door: Door, path: str) -> None:
    status, _, body = door.ask(path)
    assert status in (400, 404) or json.loads(body)["server"] == str(door.ports["web"])


def test_frames_are_compressed_by_the_gateway_for_who_names_that_first_and_then_anything(door: Door) -> None:
    assert door.reached(FRAMES, Accept=COMPRESSED_OR_ANY)["server"] == str(door.ports["web"])
    for accept in (ANY_SYNTAX, COMPRESSED_OR_ANY.partition(", ")[0], f"{COMPRESSED_OR_ANY}, image/jls"):
        seen = door.reached(FRAMES, Accept=accept)
        assert seen["server"] == str(door.ports["orthanc"])
        assert "1.2.840.10008.1.2.4" not in seen["accept"]
    several = door.reached(f"{FRAMES},2", Accept=COMPRESSED_OR_ANY)
    assert several["server"] == str(door.ports["orthanc"])


@pytest.mark.parametrize("status", [406, 500, 502, 503, 504])
def test_what_the_gateway_cannot_compress_comes_from_orthanc_as_it_is_stored(door: Door, status: int) -> None:
    path = FRAMES.replace("/instances/1.4/", f"/instances/9.{status}/")
    seen = door.reached(path, Accept=COMPRESSED_OR_ANY, Cookie="quang_view_1=token")
    assert seen["server"] == str(door.ports["orthanc"])
    assert (seen["path"], seen["accept"], seen["cookie"]) == (path, ANY_SYNTAX, "quang_view_1=token")


def test_what_the_gateway_refuses_is_refused(door: Door) -> None:
    path = FRAMES.replace("/instances/1.4/", "/instances/9.403/")
    assert door.ask(path, Accept=COMPRESSED_OR_ANY)[0] == 403


@pytest.mark.parametrize("path", [f"{FRAMES}?accept=image/jls", FRAMES.replace("1.2/", "1.2//"), f"{FRAMES}/../../x"])
def test_frames_have_the_same_strict_path_and_query(door: Door, path: str) -> None:
    assert door.ask(path, Accept=COMPRESSED_OR_ANY)[0] in (400, 404)


def test_frames_are_only_got(door: Door) -> None:
    assert door.ask(FRAMES, "POST", Accept=COMPRESSED_OR_ANY)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nothing_is_deleted_through_dicomweb(door: Door, method: str) -> None:
    assert door.ask("/dicom-web/studies/1.2", method)[0] == 403


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (FRAMES, ANY_SYNTAX),
        (FRAMES, "multipart/related; type=application/octet-stream; transfer-syntax=*"),
        (FRAMES, 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'),
        ("/dicom-web/studies/1.2/metadata", "application/dicom+json"),
        ("/dicom-web/studies", "application/dicom+json, application/json;q=0.9, */*"),
        ("/dicom-web/studies/1.2/series/1.3/instances/1.4/rendered", "image/jpeg"),
        ("/dicom-web/studies/1.2/series/1.3/instances/1.4/bulk/00420011", "application/pdf"),
    ],
)
def test_what_the_viewer_asks_for_passes_as_it_is(door: Door, path: str, accept: str) -> None:
    assert door.reached(path, Accept=accept)["accept"] == accept


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.4.80',
        'multipart/related; type="application/octet-stream"; transfer-syntax="1.2.840.10008.1.2.4.90"',
        "multipart/related;type=application/octet-stream;TRANSFER-SYNTAX=1.2.840.10008.1.2.4.80",
        'multipart/related; type="image/jls"',
        'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90',
        "image/jls",
        "image/x-dicom-rle",
        "*/*, image/jls",
        f"{ANY_SYNTAX}, image/jls",
        'multipart/related; type="application/octet-stream"',
        "*/*",
        "text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8",
    ],
)
def test_no_accept_header_can_ask_for_a_transcoding(door: Door, accept: str) -> None:
    assert door.reached(FRAMES, Accept=accept)["accept"] == ANY_SYNTAX


def test_two_accept_headers_are_judged_together(door: Door) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)
    connection.putrequest("GET", FRAMES)
    connection.putheader("Accept", ANY_SYNTAX)
    connection.putheader("Accept", "image/jls")
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["accept"] == ANY_SYNTAX


def test_a_request_without_accept_gets_what_is_never_transcoded(door: Door) -> None:
    assert door.reached(FRAMES)["accept"] == ANY_SYNTAX
    assert door.reached("/dicom-web/studies")["accept"] == "application/dicom+json"
    whole = door.reached("/dicom-web/studies/1.2/series/1.3/instances/1.4")["accept"]
    assert whole == 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.mark.parametrize(
    "query",
    [
        "accept=image/jls",
        "Accept=image/jls",
        "limit=5&accept=image%2Fjls",
        "transfer-syntax=1.2.840.10008.1.2.4.80",
        "acc%65pt=image/jls",
        "limit",
    ],
)
def test_no_query_string_says_accept_in_other_words(door: Door, query: str) -> None:
    assert door.ask(f"/dicom-web/studies?{query}")[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        "StudyInstanceUID=1.2.3&limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060",
        "00100020=P%2F77",
        "PatientName=*Nguy%E1%BB%85n*",
    ],
)
def test_the_queries_of_viewer_and_app_pass(door: Door, query: str) -> None:
    assert door.reached(f"/dicom-web/studies?{query}")["path"].endswith(query)


def test_wado_uri_may_name_an_object_but_no_transfer_syntax(door: Door) -> None:
    named = "requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=1.4"
    assert door.reached(f"/wado?{named}&contentType=image%2Fjpeg")["server"] == str(door.ports["orthanc"])
    for more in ("transferSyntax=1.2.840.10008.1.2.4.80", "transferS%79ntax=1.2", "contentType=image/jp2", "a=b"):
        assert door.ask(f"/wado?{named}&{more}")[0] == 400, more


def test_orthanc_learns_the_outer_address_and_never_a_callers_authorization(door: Door) -> None:
    seen = door.reached("/dicom-web/studies", Host="ris.example.org:8443", Authorization="Bearer x", Cookie="quang=1")
    assert seen["forwarded"] == "host=ris.example.org:8443;proto=http"
    assert seen["cookie"] == "quang=1"
    assert "authorization" not in seen


def test_a_caller_cannot_pretend_to_come_from_elsewhere(door: Door) -> None:
    assert door.reached("/", X_Forwarded_For="10.0.0.1")["x-forwarded-for"] == "127.0.0.1"


def test_with_a_certificate_plain_http_is_led_away_and_reaches_nothing(secure_door: Door) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", secure_door.port, timeout=5)
    plain.request("GET", "/worklist/?page=2", headers={"Host": "ris.hospital.vn"})
    answer = plain.getresponse()
    assert (answer.status, answer.getheader("Location")) == (308, "https://ris.hospital.vn/worklist/?page=2")
    assert secure_door.reached("/")["x-forwarded-proto"] == "https"


def test_tls_older_than_1_2_is_refused(secure_door: Door) -> None:
    context = ssl.create_default_context(cafile=secure_door.authority)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", secure_door.port), 5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_trusted_proxy_tells_the_clients_address_and_nobody_behind_it_can_add_to_it(
    door: Door, secure_door: Door
) -> None:
    through = secure_door.reached("/", X_Forwarded_For="6.6.6.6, 203.0.113.9, 127.0.0.1", X_Forwarded_Proto="https")
    assert (through["x-forwarded-for"], through["x-forwarded-proto"]) == ("203.0.113.9", "https")
    assert door.reached("/", X_Forwarded_Proto="https")["x-forwarded-proto"] == "http"


def test_what_the_front_door_answers_itself_has_every_header_of_safety(secure_door: Door) -> None:
    for path in ("/viewer/3.13.2-test/index.html", "/viewer/3.13.2-test/app.bundle.js", "/viewer/3.13.2-test/x/y"):
        status, headers, _ = secure_door.ask(path)
        assert status == 200
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert {name: headers[name] for name in SAFETY} == SAFETY, path
    _, headers, _ = secure_door.ask("/dicom-web/studies")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == SAFETY["strict-transport-security"]


def test_the_viewer_is_found_under_one_address_and_keeps_its_query(door: Door) -> None:
    status, headers, _ = door.ask("/viewer/viewer?StudyInstanceUIDs=1.2&lng=vi")
    assert (status, headers["location"]) == (302, "/viewer/3.13.2-test/viewer?StudyInstanceUIDs=1.2&lng=vi")
    status, headers, body = door.ask(headers["location"])
    assert (status, body) == (200, b"<!doctype html><title>viewer</title>")
    assert "immutable" not in headers["cache-control"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].split("script-src")[1].split(";")[0]


def test_the_viewers_files_are_compressed_and_kept_by_browsers(door: Door) -> None:
    status, headers, body = door.ask("/viewer/3.13.2-test/app.bundle.js", Accept_Encoding="gzip")
    assert (status, headers["content-encoding"], body) == (200, "gzip", b"compressed")
    assert "immutable" in headers["cache-control"]


def test_the_access_log_names_no_query_no_study_and_no_token(door: Door) -> None:
    door.ask("/dicom-web/studies/1.2.840.77777?PatientName=Nguyen")
    door.ask("/s/aBcDeFgHiJ?token=secretword")
    for _ in range(50):
        text = door.access_log.read_text()
        if "GET /s " in text:
            break
        time.sleep(0.05)
    assert "GET /dicom-web/studies 200" in text
    assert not [word for word in ("77777", "Nguyen", "aBcDeFgHiJ", "secretword") if word in text]


@pytest.mark.parametrize("path", ["/exams/1/approve", "/dicom-web/studies/1.2.3"])
def test_what_changes_something_comes_on_a_connection_of_its_own(door: Door, path: str) -> None:
    """One that the web app is just ending would make a 502 of it, since it must not be sent twice."""
    seen = [json.loads(door.ask(path, "POST", Content_Length="0")[2]) for _ in range(3)]
    assert [each["server"] for each in seen] == [str(door.ports["web"])] * 3
    assert [each.get("connection") for each in seen] == ["close"] * 3
    assert "connection" not in door.reached("/exams/1/")


def test_a_web_app_that_does_not_answer_is_said_to_people_and_programs(tmp_path: Path) -> None:
    with a_door(tmp_path / "alone", web=f"127.0.0.1:{free_port()}") as alone:
        for method in ("GET", "POST"):
            status, headers, body = alone.ask("/login/", method, Accept="text/html,*/*;q=0.8", Content_Length="0")
            assert (status, headers["content-type"]) == (502, "text/html; charset=utf-8")
            assert "QUANG-8001" in body.decode()
            assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        for asked in ({"Accept": "application/json"}, {"Accept": "text/html", "HX_Request": "true"}, {}):
            status, headers, body = alone.ask("/api/v1/orders", **asked)
            assert (status, headers["content-type"]) == (502, "application/problem+json; charset=utf-8")
            assert json.loads(body)["code"] == "QUANG-8001"
        assert alone.ask("/front-door/nginx.conf")[0] == 404
        assert alone.ask("/front-door/away.html")[0] == 404


def test_what_is_too_large_is_said_before_it_is_sent(door: Door) -> None:
    status, _, body = door.ask("/admin/users/import/", "POST", Accept="text/html", Content_Length=str(65 * 1024 * 1024))
    assert status == 413
    assert "QUANG-8002" in body.decode()
    assert "Too large to be sent" in body.decode()
