"""Secrets, logs and ports: the small files of a suite's home."""

from __future__ import annotations

import socket
from pathlib import Path

from ris_suite import log_files, secret_files
from ris_suite.layout import SuiteHome
from ris_suite.ports import choose_ports, taken_ports
from ris_suite.settings import SuiteSettings


def test_secrets_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    secret_files.ensure_secrets(folder)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    secret_files.ensure_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert set(first) == set(secret_files.NAMES)
    assert len(set(first.values())) == len(first)
    assert all(len(secret) >= 43 for secret in first.values())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_log_that_grew_too_large_is_emptied_and_its_content_kept_in_pieces(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("a") as writer:  # a process keeps it open meanwhile
        for content in ("first", "second", "third"):
            writer.write(content + "\n")
            writer.flush()
            assert log_files.rotate(log, maximum_bytes=3)
        writer.write("now\n")
    assert log.read_text() == "now\n"
    assert Path(f"{log}.1").read_text() == "third\n"
    assert Path(f"{log}.2").read_text() == "second\n"
    assert not Path(f"{log}.3").exists()
    assert not log_files.rotate(log, maximum_bytes=100)


def test_last_lines_of_this_run_leave_out_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    began = log_files.size(log)
    with log.open("a") as writer:
        writer.write("new 1\nnew 2\n")
    assert log_files.last_lines(log, 10, began) == ["new 1", "new 2"]
    assert log_files.last_lines(log, 1) == ["new 2"]
    assert log_files.last_lines(tmp_path / "none.log", 5) == []


def test_free_ports_are_kept_from_one_start_to_the_next_unless_taken_meanwhile(tmp_path: Path) -> None:
    home = SuiteHome(tmp_path)
    home.run.mkdir()
    settings = SuiteSettings(home=home, http_port=0, dicom_port=0, mllp_port=0, mpps_port=0)
    ports = choose_ports(settings)
    assert len(set(ports.values())) == len(ports) == 8
    assert choose_ports(settings) == ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["web"]))
        other.listen()
        again = choose_ports(settings)
    assert again["web"] != ports["web"]
    assert {**again, "web": 0} == {**ports, "web": 0}


def test_a_named_port_that_another_program_has_is_told_by_its_setting(tmp_path: Path) -> None:
    home = SuiteHome(tmp_path)
    home.run.mkdir()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = SuiteSettings(home=home, http_port=other.getsockname()[1], dicom_port=0, mllp_port=0, mpps_port=0)
        assert list(taken_ports(settings, choose_ports(settings))) == ["http"]
