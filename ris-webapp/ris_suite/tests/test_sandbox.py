"""How programs are started with less than the caller has (the commands; the suite itself shows that they work)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_suite import layout, sandbox
from ris_suite.processes import ProcessIdentity
from ris_suite.sandbox import Bind, ServiceAccount

ACCOUNT = ServiceAccount(uid=54321, gid=54321)


def test_a_private_folder_above_a_needed_path_is_found(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    repository = open_folder / "closed" / "repository"
    repository.mkdir(parents=True)
    for path in (tmp_path, open_folder):
        path.chmod(0o755)
    (open_folder / "closed").chmod(0o700)
    found = sandbox.closed_ancestor(repository, ACCOUNT)
    assert found is not None
    assert found == (open_folder / "closed") or found in tmp_path.parents  # pytest's own folders may be closed above


def test_a_host_program_steps_down_and_sees_only_what_it_needs_of_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "repository").mkdir(parents=True)
    monkeypatch.setattr(sandbox, "closed_ancestor", lambda path, account: closed if closed in path.parents else None)
    command = sandbox.host_command(["python", "-V"], [closed / "repository"], ACCOUNT)
    script = command[command.index("-euc") + 1]
    assert f"mount --rbind {closed}/repository {layout.MOUNT_POINT}/repository" in script
    assert f"mount --rbind {layout.MOUNT_POINT} {closed}" in script
    assert "setpriv --reuid=54321 --regid=54321 --clear-groups --no-new-privs" in script
    assert command[-2:] == ["python", "-V"]


def test_without_root_a_host_program_is_run_as_it_is() -> None:
    assert sandbox.host_command(["python", "-V"], [Path("/srv")], None) == ["python", "-V"]


def test_paths_with_blanks_and_quotes_are_data_in_the_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "ENGINE_ROOT", tmp_path)
    home = tmp_path / "it's; touch here"
    command = sandbox.engine_command(["/usr/sbin/Orthanc"], [Bind(home, writable=True)], ACCOUNT)
    script = command[command.index("-euc") + 1]
    assert "'\"'\"'s; touch here'" in script
    assert f"remount,bind,ro {layout.MOUNT_POINT}/usr" in script
    assert f"tmpfs {layout.MOUNT_POINT}/var/tmp" in script, "where sockets of homes with long paths lie"


def test_a_process_is_told_from_another_that_was_given_its_number_later() -> None:
    mine = ProcessIdentity.of(1)
    assert mine is not None
    assert mine.is_alive()
    assert not ProcessIdentity(mine.pid, mine.start_ticks + 1).is_alive()
    assert ProcessIdentity.of(2**22 + 1) is None
