"""What somebody hands in is taken apart without being believed."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from ris_core.imports import discs, unpacking
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
    assert not (unpacked.passed_over and unpacked.damaged)
    return objects, unpacked.passed_over + unpacked.damaged


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


ROOT = 20
"""Where the root folder of a disc that is made here lies, in sectors."""


def an_entry(sector: int, length: int, *, flags: int = 0, name: bytes = b"X") -> bytes:
    """ECMA-119 9.1."""
    size = 33 + len(name) + (len(name) + 1) % 2
    numbers = struct.pack("<I", sector) + struct.pack(">I", sector) + struct.pack("<I", length)
    start = struct.pack("BB", size, 0) + numbers + struct.pack(">I", length) + bytes(7)
    return (start + struct.pack("BBB", flags, 0, 0) + bytes(4) + struct.pack("B", len(name)) + name).ljust(size, b"\0")


def a_hostile_disc(*entries: bytes, sectors: dict[int, bytes] | None = None, root_length: int = 2048) -> bytes:
    """A disc of whose root folder only these entries are known."""
    descriptor = bytearray(2048)
    descriptor[:7] = b"\1CD001\1"
    descriptor[128:132] = struct.pack("<H", 2048) + struct.pack(">H", 2048)
    descriptor[156:190] = an_entry(ROOT, root_length, flags=2, name=b"\0")
    last = b"\xffCD001\1".ljust(2048, b"\0")
    places = {16: bytes(descriptor), 17: last, ROOT: b"".join(entries), **(sectors or {})}
    image = bytearray((max(places) + 1) * 2048)
    for sector, content in places.items():
        image[sector * 2048 : sector * 2048 + len(content)] = content
    return bytes(image)


def test_a_folder_that_holds_itself_is_walked_once(tmp_path: Path) -> None:
    inner = an_entry(ROOT, 2048, flags=2) + an_entry(21, 2048, flags=2) + an_entry(30, len(ONE))
    disc = a_hostile_disc(an_entry(21, 2048, flags=2), an_entry(ROOT, 2048, flags=2), sectors={21: inner, 30: ONE})
    assert found(tmp_path, disc) == ([ONE], 0)


def test_one_file_under_a_thousand_names_is_one_file(tmp_path: Path) -> None:
    disc = a_hostile_disc(*[an_entry(30, len(ONE)) for _ in range(50)], sectors={30: ONE})
    assert found(tmp_path, disc) == ([ONE], 0)


@pytest.mark.parametrize("length", [len(ONE) + 1_000_000, 0xFFFFFFFF])
def test_a_file_that_is_said_to_be_longer_than_the_disc_is_passed_over(tmp_path: Path, length: int) -> None:
    disc = a_hostile_disc(an_entry(30, length), an_entry(29, len(TWO)), sectors={29: TWO, 30: ONE})
    assert found(tmp_path, disc) == ([TWO], 1)


def test_overlapping_files_are_counted_byte_by_byte(tmp_path: Path) -> None:
    """Fifty entries of a megabyte each, all within the same two."""
    entries = [an_entry(30 + number, 1_000_000) for number in range(50)]
    with pytest.raises(ImportTooLarge):
        found(tmp_path, a_hostile_disc(*entries, sectors={1100: b"end"}), most_bytes=10_000_000)


def test_a_folder_that_is_longer_than_the_disc_gives_what_is_there(tmp_path: Path) -> None:
    disc = a_hostile_disc(an_entry(30, len(ONE)), sectors={30: ONE}, root_length=100_000_000)
    assert found(tmp_path, disc) == ([ONE], 1)
    (tmp_path / "endless").mkdir()
    with pytest.raises(ImportTooLarge):
        found(tmp_path / "endless", a_hostile_disc(root_length=0xFFFFFFFF))


def test_a_damaged_folder_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """Scratches are on discs as dust is."""
    whole = an_entry(30, len(ONE))
    folders = [an_entry(21, 2048, flags=2), an_entry(22, 2048, flags=2), an_entry(23, 2048, flags=2)]
    sectors = {21: whole, 22: b"\x05" * 2048, 23: an_entry(40, len(TWO)), 30: ONE, 40: TWO}
    objects, damaged = found(tmp_path, a_hostile_disc(*folders, sectors=sectors))
    assert (sorted(objects), damaged) == (sorted([ONE, TWO]), 1)


def test_a_disc_with_more_entries_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MOST_RECORDS", "MOST_FOLDERS"):
        (tmp_path / bound).mkdir()
        entries = [an_entry(40 + number, 2048, flags=2) for number in range(9)]
        monkeypatch.setattr(discs, bound, 5)
        with pytest.raises(ImportTooLarge) as refusal:
            found(tmp_path / bound, a_hostile_disc(*entries, sectors={50: b"end"}))
        assert refusal.value.field == "files"
        monkeypatch.undo()


def test_folders_may_lie_as_deep_as_they_like(tmp_path: Path) -> None:
    depth = 3000
    sectors = {100 + number: an_entry(101 + number, 2048, flags=2) for number in range(depth)}
    sectors[100 + depth] = an_entry(30, len(ONE))
    assert found(tmp_path, a_hostile_disc(an_entry(100, 2048, flags=2), sectors={30: ONE, **sectors})) == ([ONE], 0)


def test_a_file_in_several_extents_is_one(tmp_path: Path) -> None:
    first, rest = ONE[:1024], ONE[1024:]
    entries = [an_entry(30, len(first), flags=0x80), an_entry(40, len(rest))]
    assert found(tmp_path, a_hostile_disc(*entries, sectors={30: first, 40: rest})) == ([ONE], 0)


def test_a_file_in_more_pieces_than_any_is_refused_unread(tmp_path: Path) -> None:
    """Each entry of a folder may be one more piece of the same file: there may be millions."""
    pieces = [an_entry(30, 1, flags=0x80) for _ in range(60)]
    sectors = {ROOT + number: b"".join(pieces)[: 34 * 60] for number in range(50)}
    disc = a_hostile_disc(sectors={**sectors, 100: b"end"}, root_length=50 * 2048)
    with pytest.raises(ImportTooLarge) as refusal:
        found(tmp_path, disc)
    assert refusal.value.field == "files"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_changed_on_a_disc_it_ends(tmp_path: Path, seed: int) -> None:
    content, chance = bytearray(an_iso(ONE, TWO)), random.Random(seed)
    for _ in range(40):
        content[chance.randrange(32768, len(content))] = chance.randrange(256)
    with contextlib.suppress(ImportTooLarge):
        found(tmp_path, bytes(content), most_bytes=1_000_000)
