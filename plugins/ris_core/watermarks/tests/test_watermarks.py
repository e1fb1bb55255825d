"""Words over pictures and documents: they are there, the picture stays, and nothing is drawn without bounds (R10)."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pypdfium2
import pytest
import weasyprint
from PIL import Image
from pyhanko.pdf_utils.generic import NumberObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pypdf import PdfReader, PdfWriter

from ris_core.errors import InvalidValue
from ris_core.watermarks import apart, documents
from ris_core.watermarks.apart import marked_apart
from ris_core.watermarks.documents import MOST_PAGES, marked_document
from ris_core.watermarks.pictures import LARGEST_SIDE, marked_picture
from ris_core.watermarks.rules import MOST_CHARACTERS, lines_of
from ris_testing.certificate_authority import CertificateAuthority

MARK = "BS Nguyễn Thị Lan chia sẻ cho BS Minh · ngày 22/11/2026 · mã A1B2C3D4"
Grey = npt.NDArray[np.int64]


def a_picture(grey: int, size: tuple[int, int] = (640, 480), mode: str = "L", image_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("L", size, grey).convert(mode).save(file, image_format)
    return file.getvalue()


def pixels(picture: bytes) -> Grey:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L"), np.int64)


def printed(html: str) -> bytes:
    pdf: bytes = weasyprint.HTML(string=f"<html lang=vi><body>{html}</body></html>").write_pdf(pdf_variant="pdf/a-3b")
    return pdf


def page(pdf: bytes, number: int = 0) -> Grey:
    drawn = pypdfium2.PdfDocument(pdf)[number].render(scale=1.0).to_pil().convert("L")
    return np.asarray(drawn, np.int64)


def test_a_mark_is_divided_where_it_says_and_where_it_is_long() -> None:
    assert lines_of(MARK) == ("BS Nguyễn Thị Lan chia sẻ cho BS Minh", "ngày 22/11/2026", "mã A1B2C3D4")
    assert all(len(line) <= 40 for line in lines_of("cho " * 40))
    long = "Bác sĩ CĐHA chia sẻ cho BS Minh, Bệnh viện tỉnh"
    assert lines_of(long) == ("Bác sĩ CĐHA chia sẻ cho", "BS Minh, Bệnh viện tỉnh")
    assert lines_of("A " + "W" * 70) == ("A " + "W" * 38, "W" * 32)


@pytest.mark.parametrize("mark", ["", "  ", "x" * (MOST_CHARACTERS + 1), "hai\ndòng", " · ".join("123456789")])
def test_what_cannot_be_drawn_is_refused(mark: str) -> None:
    with pytest.raises(InvalidValue):
        lines_of(mark)
    with pytest.raises(InvalidValue):
        marked_picture(a_picture(0), mark)
    with pytest.raises(InvalidValue):
        marked_document(printed("<p>Kết quả</p>"), mark)


@pytest.mark.parametrize("grey", [0, 40, 128, 220, 255])
def test_the_words_are_seen_on_black_white_and_grey_and_stay_faint(grey: int) -> None:
    changed = np.abs(pixels(marked_picture(a_picture(grey), MARK)) - grey)
    assert 0.02 < np.mean(changed > 8) < 0.35  # seen, and most of the picture is as it was
    assert 25 <= changed.max() <= 90


def test_the_words_lie_over_all_of_the_picture() -> None:
    changed = np.abs(pixels(marked_picture(a_picture(0, (1024, 1024)), MARK))) > 8
    quarters = [changed[y : y + 512, x : x + 512] for y in (0, 512) for x in (0, 512)]
    assert all(quarter.mean() > 0.01 for quarter in quarters)


def test_what_lies_below_stays_to_be_seen() -> None:
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, "PNG")
    after = pixels(marked_picture(file.getvalue(), MARK))
    assert np.corrcoef(ramp.ravel(), after.ravel())[0, 1] > 0.97


def test_other_words_and_vietnamese_signs_draw_other_pixels() -> None:
    drawn = {marked_picture(a_picture(0), words) for words in ("cho BS Minh", "cho BS Mình", "cho BS Mịnh", "cho BS")}
    assert len(drawn) == 4


@pytest.mark.parametrize(("mode", "image_format"), [("L", "JPEG"), ("RGB", "JPEG"), ("RGB", "PNG"), ("1", "PNG")])
@pytest.mark.parametrize("size", [(48, 48), (96, 64), (2000, 60), (1, 1), (300, 2000)])
def test_every_kind_and_shape_keeps_its_format_and_size(mode: str, image_format: str, size: tuple[int, int]) -> None:
    marked = marked_picture(a_picture(0, size, mode, image_format), MARK)
    with Image.open(io.BytesIO(marked)) as image:
        assert (image.format, image.size) == (image_format, size)
    if min(size) > 40:
        assert (pixels(marked) > 15).any()


@pytest.mark.parametrize(
    "picture", [b"", b"\xff\xd8\xff", b"GIF89a", a_picture(0)[:40], a_picture(0, (LARGEST_SIDE + 1, 8))]
)
def test_what_is_no_picture_or_too_large_is_refused(picture: bytes) -> None:
    with pytest.raises(InvalidValue):
        marked_picture(picture, MARK)


def test_every_page_is_marked_over_text_and_over_dark_pictures_and_its_text_stays() -> None:
    before = printed("<div style='background:#000;height:500px'></div><p style='break-before:page'>Phổi sáng đều.</p>")
    after = marked_document(before, MARK)
    for number in range(2):
        assert 0.01 < np.mean(np.abs(page(after, number) - page(before, number)) > 8) < 0.35
    dark = page(before) < 5
    assert (page(after)[dark] > 30).any()
    assert "Phổi sáng đều." in PdfReader(io.BytesIO(after)).pages[1].extract_text()


def test_no_unmarked_state_is_left_in_the_file() -> None:
    after = marked_document(printed("<p>Kết quả</p>"), MARK)
    assert after.count(b"%%EOF") == after.count(b"startxref") == 1


def test_a_signed_document_is_copied_without_its_signature(tmp_path: Path) -> None:
    container = tmp_path / "signer.p12"
    container.write_bytes(CertificateAuthority("http://127.0.0.1:9").issue("BS. Trần Minh Quân").pkcs12("x"))
    signer = SimpleSigner.load_pkcs12(str(container), passphrase=b"x")
    assert signer is not None
    unsigned = io.BytesIO(printed("<p>Kết quả</p>"))
    signed = sign_pdf(IncrementalPdfFileWriter(unsigned), PdfSignatureMetadata(field_name="S"), signer).getvalue()
    assert len(PdfFileReader(io.BytesIO(signed)).embedded_signatures) == 1
    copy = marked_document(signed, MARK)
    assert PdfFileReader(io.BytesIO(copy)).embedded_signatures == []
    assert b"/Sig" not in copy


def test_an_empty_page_is_marked_too() -> None:
    empty, file = pypdfium2.PdfDocument.new(), io.BytesIO()
    empty.new_page(400, 300)
    empty.save(file)
    assert (page(marked_document(file.getvalue(), MARK)) < 250).any()


def test_files_in_a_document_are_taken_out_since_they_would_bear_no_words() -> None:
    writer, file = PdfWriter(clone_from=io.BytesIO(printed("<p>Kết quả</p>"))), io.BytesIO()
    writer.add_attachment("ket-qua.txt", b"the same report without a mark")
    writer.write(file)
    assert PdfReader(file).attachments
    marked = marked_document(file.getvalue(), MARK)
    assert not PdfReader(io.BytesIO(marked)).attachments
    assert b"/EmbeddedFile" not in marked
    assert "Kết quả" in PdfReader(io.BytesIO(marked)).pages[0].extract_text()


def test_a_document_that_becomes_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_MARKED_BYTES", 1000)
    with pytest.raises(InvalidValue, match="too large"):
        marked_document(printed("<p>Kết quả</p>"), MARK)


@pytest.mark.parametrize("how", ["none", "broken", "encrypted", "too many pages", "no pages", "hidden page"])
def test_what_cannot_be_marked_is_refused_here_and_apart(how: str) -> None:
    document = printed("<p>Kết quả</p>")
    if how == "none":
        document = b"no pdf at all"
    elif how == "broken":
        document = document[: len(document) // 2]
    elif how == "encrypted":
        writer, file = PdfWriter(clone_from=io.BytesIO(document)), io.BytesIO()
        writer.encrypt("mat-khau")
        writer.write(file)
        document = file.getvalue()
    elif how == "too many pages":
        several, file = PdfWriter(), io.BytesIO()
        for _ in range(MOST_PAGES + 1):
            several.add_blank_page(100, 100)
        several.write(file)
        document = file.getvalue()
    elif how == "hidden page":
        two = printed("1<p style='break-before:page'>2")
        hiding, file = copy_into_new_writer(PdfFileReader(io.BytesIO(two))), io.BytesIO()
        hiding.root["/Pages"][pdf_name("/Count")] = NumberObject(1)
        hiding.write(file)
        document = file.getvalue()
    else:
        empty, file = copy_into_new_writer(PdfFileReader(io.BytesIO(document))), io.BytesIO()
        del empty.root["/Pages"]
        empty.write(file)
        document = file.getvalue()
    with pytest.raises(InvalidValue):
        marked_document(document, MARK)
    with pytest.raises(InvalidValue):
        marked_apart(document, MARK)


def test_who_comes_while_others_are_being_marked_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(apart, "_WAIT_SECONDS", 0.01)
    document = printed("<p>Kết quả</p>")
    with apart._AT_ONCE, pytest.raises(apart.OthersBeingMarked):
        marked_apart(document, MARK)
    assert marked_apart(document, MARK)


def test_what_is_marked_apart_is_marked_alike() -> None:
    document = printed("<p>Kết quả</p>")
    assert np.array_equal(page(marked_apart(document, MARK)), page(marked_document(document, MARK)))
