"""What is installed, as read from an engine's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_suite import engine
from ris_suite.engine import Engine, EngineProblem


def an_engine(root: Path, version: str = "1.13.0") -> Engine:
    """A root with the files that Debian's packages leave."""
    plugins = [f"usr/share/orthanc/plugins/lib{name}.so" for name in engine.WANTED_PLUGINS]
    files = ["usr/sbin/Orthanc", "usr/sbin/nginx", f"usr/lib/orthanc/libModalityWorklists.so.{version}", *plugins]
    files += ["usr/lib/x86_64-linux-gnu/libpython3.9.so.1.0", "usr/lib/x86_64-linux-gnu/libpython3.14.so.1.0"]
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return Engine(root)


def test_plugins_are_found_where_the_distribution_put_them(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/orthanc/plugins"
    folder.mkdir(parents=True)
    for name in ("libOrthancPython.so", "libOrthancDicomWeb.so", "libOrthancGdcm.so", "libServeFolders.so"):
        (folder / name).touch()
    assert Engine(tmp_path).plugins() == [
        "/usr/share/orthanc/plugins/libOrthancPython.so",
        "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
        "/usr/share/orthanc/plugins/libOrthancGdcm.so",
    ]
    (folder / "libOrthancGdcm.so").unlink()
    with pytest.raises(EngineProblem, match=r"libOrthancGdcm\.so"):
        Engine(tmp_path).plugins()


def test_an_orthanc_that_is_too_old_or_lacks_a_plugin_is_not_used(tmp_path: Path) -> None:
    assert an_engine(tmp_path / "new").is_complete()
    assert not an_engine(tmp_path / "old", version="1.12.7").is_complete()
    lacking = an_engine(tmp_path / "lacking")
    (tmp_path / "lacking/usr/share/orthanc/plugins/libOrthancGdcm.so").unlink()
    assert not lacking.is_complete()
    assert not Engine(tmp_path / "empty").is_complete()


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    found = an_engine(tmp_path, version="1.13.10")
    assert found.orthanc_version() == (1, 13, 10)
    assert found.python_version() == "3.14"


def test_postgresql_is_named_as_seen_from_inside(tmp_path: Path) -> None:
    found = an_engine(tmp_path)
    assert found.postgresql_programs() is None
    (tmp_path / "usr/lib/postgresql/18/bin").mkdir(parents=True)
    (tmp_path / "usr/lib/postgresql/18/bin/initdb").touch()
    assert found.postgresql_programs() == Path("/usr/lib/postgresql/18/bin")
