"""What somebody hands in is taken apart without being believed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ris_core.imports import unpacking
from ris_core.imports.errors import ImportTooLarge
from ris_core.imports.unpacking import Allowance, Unpacking
from ris_testing.dicom_files import a_dicom_file
from ris_testing.outside_images import a_zip, an_iso

ONE = a_dicom_file(SOPInstanceUID="1.2.3.4.1")
TWO = a_dicom_file(SOPInstanceUID="1.2.3.4.2")


def found(tmp_path: Path, content: bytes, *, most_bytes: int = 10_000_000, files: int = 100) -> tuple[list[bytes], int]:
    path, scratch = tmp_path / "1.upload", tmp_path / "scratch"
    path.write_bytes(content)
    scratch.mkdir()
    unpacked = Unpacking(scratch, Allowance(most_bytes, files))
    objects = [each.read_bytes() for each in unpacked.objects_in(path)]
    assert {each.name for each in tmp_path.iterdir()} == {"1.upload", "scratch"}
    assert list(scratch.iterdir()) == []
    return objects, unpacked.passed_over


def test_a_loose_file_a_zip_and_a_disc_give_what_is_in_them(tmp_path: Path) -> None:
    for number, content in enumerate((ONE, a_zip(one=ONE), an_iso(ONE), a_zip(disc=an_iso(ONE)))):
        (tmp_path / str(number)).mkdir()
        assert found(tmp_path / str(number), content)[0] == [ONE]


def test_names_that_lead_elsewhere_lead_nowhere(tmp_path: Path) -> None:
    content = a_zip(**{"../../outside.dcm": ONE, "/etc/quang": TWO, "..\\..\\windows": b"no image"})
    assert found(tmp_path, content) == ([ONE, TWO], 1)
    assert not (tmp_path.parent / "outside.dcm").exists()


def test_a_link_is_bytes_like_others(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("one", ONE)
    assert found(tmp_path, buffer.getvalue()) == ([ONE], 1)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ImportTooLarge) as refusal:
        found(tmp_path, a_zip(bomb=bytes(50_000_000)), most_bytes=100_000_000)
    assert refusal.value.field == "ratio"


def test_an_archive_that_lies_about_its_sizes_is_stopped_while_it_is_unpacked(tmp_path: Path) -> None:
    """The size in the directory says 100 bytes; a megabyte comes out."""
    content = bytearray(a_zip(one=bytes(range(256)) * 4096))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (100).to_bytes(4, "little")
    objects, passed_over = found(tmp_path, bytes(content))
    assert (objects, passed_over) == ([], 1)


def test_more_than_may_come_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportTooLarge):
        found(tmp_path, a_zip(one=ONE, two=TWO), files=1)
    (tmp_path / "again").mkdir()
    with pytest.raises(ImportTooLarge):
        found(tmp_path / "again", a_zip(one=ONE), most_bytes=len(ONE) - 1)


def test_an_archive_whose_index_would_fill_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = a_zip(one=ONE, two=TWO)
    monkeypatch.setattr(unpacking, "LARGEST_INDEX_BYTES", 50)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ImportTooLarge) as refusal:
        found(tmp_path, content)
    assert refusal.value.field == "files"


def test_archives_are_opened_two_deep(tmp_path: Path) -> None:
    assert found(tmp_path, a_zip(a=a_zip(b=a_zip(c=ONE)))) == ([], 1)


def test_a_damaged_archive_gives_what_can_be_read(tmp_path: Path) -> None:
    content = bytearray(a_zip(one=ONE, two=TWO))
    content[60] ^= 0xFF
    objects, passed_over = found(tmp_path, bytes(content))
    assert len(objects) + passed_over == 2
    (tmp_path / "cut").mkdir()
    assert found(tmp_path / "cut", an_iso(ONE)[:40_000]) == ([], 1)
    (tmp_path / "none").mkdir()
    assert found(tmp_path / "none", b"%PDF-1.7 no image") == ([], 1)
