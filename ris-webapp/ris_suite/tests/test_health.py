"""Where the supervisor asks whether a part works."""

from __future__ import annotations

import http.server
import socketserver
import threading

from ris_suite.health import Finding, Health, dicom_probe, first_fault, http_probe, reached_at


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *_arguments: object) -> None:
        return


def test_a_part_that_listens_on_one_address_is_asked_there() -> None:
    server = http.server.HTTPServer(("127.0.0.2", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        port = server.server_address[1]
        assert http_probe(port, "/", host=reached_at("127.0.0.2"))().health is Health.HEALTHY
        assert http_probe(port, "/")().health is Health.SILENT
    finally:
        server.shutdown()
        server.server_close()


def test_a_part_that_listens_everywhere_is_asked_on_the_loopback_address() -> None:
    assert reached_at("0.0.0.0") == "127.0.0.1"  # noqa: S104


class _Full(socketserver.BaseRequestHandler):
    """A DICOM service with as many associations as it takes: A-ASSOCIATE-RJ, transient, local limit exceeded."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2)))


def test_a_service_that_is_full_is_unhealthy_and_not_silent_which_would_get_it_killed() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        finding = dicom_probe(server.server_address[1], "QUANG")()
        server.shutdown()
    assert finding.health is Health.UNHEALTHY
    assert "result 2, source 3, reason 2" in finding.detail


def test_of_several_probes_the_first_that_finds_fault_is_told_and_the_rest_are_not_asked() -> None:
    well, ill = Finding(Health.HEALTHY), Finding(Health.SILENT, "gone")
    assert first_fault(lambda: well, lambda: well)() == well
    assert first_fault(lambda: well, lambda: ill)() == ill

    def must_not_be_asked() -> Finding:
        raise AssertionError

    assert first_fault(lambda: ill, must_not_be_asked)() == ill
