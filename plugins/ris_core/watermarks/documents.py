"""A watermark on every page of a PDF, in a new file: the words lie over the page, and no former state of it is kept.

Files that lie in it (attachments) would leave without the words, so they are taken out.

A signature says that nothing was changed since, so a marked copy has none: fields of signatures are taken out of it.
Whoever wants to check one asks for the signed file itself.
"""

from __future__ import annotations

import io
import secrets
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.images import pil_image
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from ris_core.errors import InvalidValue
from ris_core.watermarks.pictures import block_picture

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PAGES: Final = 400
MOST_MARKED_BYTES: Final = 64 * 1024 * 1024
"""Of what is made: what was packed tightly comes out unpacked."""
_LETTERS: Final = 38
"""Height in pixels of the letters in the one block that all pages show."""
_PAGE_IN_LETTERS: Final = 58
_APART: Final = 1.25
"""Of a block's size, from one to the next."""
_MOST_BLOCKS: Final = 8
"""In a row, and as many rows."""


def marked_document(pdf: bytes, mark: str) -> bytes:
    """The same pages with the words over them.

    :raises InvalidValue: the words cannot be drawn, or it is no PDF that can be marked: broken, encrypted, too large
    """
    if len(pdf) > MOST_BYTES:
        raise InvalidValue("the document is too large to be marked", field="document")
    block = block_picture(mark, _LETTERS)
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=False)
        if reader.encrypted:
            raise InvalidValue("an encrypted document cannot be marked", field="document")
        count = int(reader.root["/Pages"]["/Count"])
        if not 1 <= count <= MOST_PAGES:
            raise InvalidValue(f"a document with 1 to {MOST_PAGES} pages can be marked", field="document")
        if count != _pages_below(reader.root["/Pages"]):
            raise InvalidValue("the document has other pages than it says", field="document")
        _take_out_signatures(reader)
        _take_out_files(reader)
        for number in range(count):
            _take_out_places(reader.find_page_for_modification(number)[0].get_object())
        writer = copy_into_new_writer(reader)
        drawing, own = pil_image(block, writer), f"/QuangMark{secrets.token_hex(6)}p"
        before = writer.add_object(generic.StreamObject(stream_data=b"q\n"))
        for number in range(count):
            page = writer.find_page_for_modification(number)[0].get_object()
            name = f"{own}{number}"  # pages may share one dictionary of names
            words = writer.add_object(generic.StreamObject(stream_data=_words(_box(page), block.size, name)))
            drawings = generic.DictionaryObject({generic.pdf_name(name): drawing})
            resources = generic.DictionaryObject({generic.pdf_name("/XObject"): drawings})
            if "/Contents" not in page:  # an empty page
                page[generic.pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b""))
            writer.add_stream_to_page(number, before, prepend=True)
            writer.add_stream_to_page(number, words, resources)
        file = io.BytesIO()
        writer.write(file)
    except (PdfError, KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, RecursionError) as error:
        raise InvalidValue("the document cannot be read as PDF", field="document") from error
    if file.tell() > MOST_MARKED_BYTES:
        raise InvalidValue("the marked document becomes too large", field="document")
    return file.getvalue()


def _pages_below(tree: Any) -> int:
    """Pages that a program finds which goes by the tree and not by what it says of its size.

    :raises InvalidValue: there are more than may be
    """
    found, seen, nodes = 0, 0, [tree]
    while nodes:
        node, seen = nodes.pop(), seen + 1
        if seen > 4 * MOST_PAGES:
            raise InvalidValue("the document has too many pages", field="document")
        kids = _entry(node, "/Kids")
        if kids is None:
            found += 1
        else:
            nodes += [kids[place] for place in range(min(len(kids), 4 * MOST_PAGES))]
    return found


def _words(box: tuple[float, float, float, float], size: tuple[int, int], name: str) -> bytes:
    """Whatever state the page's own drawing has left behind ends first."""
    left, bottom, right, top = box
    scale = min(right - left, top - bottom) / _PAGE_IN_LETTERS / _LETTERS
    width, height = size[0] * scale, size[1] * scale
    step_x = max(width * _APART, (right - left) / _MOST_BLOCKS)
    step_y = max(height * _APART * 0.8, (top - bottom) / _MOST_BLOCKS)
    drawn = ["\nQ"]
    for row in range(-_MOST_BLOCKS, _MOST_BLOCKS + 1):
        y = (bottom + top - height) / 2 + row * step_y
        for column in range(-_MOST_BLOCKS, _MOST_BLOCKS + 1):
            x = (left + right - width) / 2 + column * step_x + row % 2 * step_x / 2
            if left - width < x < right and bottom - height < y < top:
                drawn.append(f"q {width:.2f} 0 0 {height:.2f} {x:.2f} {y:.2f} cm {name} Do Q")
    return "\n".join(drawn).encode("ascii")


def _box(page: Any) -> tuple[float, float, float, float]:
    """What is seen of the page; boxes may be inherited from the pages' tree (ISO 32000-1 §7.7.3.4).

    :raises InvalidValue: it says nothing that can be drawn on
    """
    node, depth = page, 0
    boxes: dict[str, Any] = {}
    while node is not None and depth < 64:
        for name in ("/CropBox", "/MediaBox"):
            if name in node:
                boxes.setdefault(name, node[name])
        node, depth = _entry(node, "/Parent"), depth + 1
    sides = [float(side) for side in boxes.get("/CropBox", boxes.get("/MediaBox", ()))]
    if len(sides) != 4 or not (1 < abs(sides[2] - sides[0]) < 20000 and 1 < abs(sides[3] - sides[1]) < 20000):
        raise InvalidValue("a page has no size", field="document")
    return min(sides[0], sides[2]), min(sides[1], sides[3]), max(sides[0], sides[2]), max(sides[1], sides[3])


def _take_out_signatures(reader: PdfFileReader) -> None:
    """From what was read, so that nothing of them is copied."""
    form = _entry(reader.root, "/AcroForm")
    if form is None or not int(_entry(form, "/SigFlags") or 0):
        return
    for name in ("/AcroForm", "/Perms", "/DSS"):
        reader.root.pop(name, None)


def _take_out_files(reader: PdfFileReader) -> None:
    names = _entry(reader.root, "/Names")
    if isinstance(names, generic.DictionaryObject):
        names.pop("/EmbeddedFiles", None)
    for name in ("/AF", "/Collection"):
        reader.root.pop(name, None)


def _take_out_places(page: Any) -> None:
    """Where a signature stands, or a file lies."""
    page.pop("/AF", None)
    notes: Any = _entry(page, "/Annots")
    if not isinstance(notes, generic.ArrayObject):
        return
    kept = [place for place in range(len(notes)) if not _is_taken_out(notes[place])]
    if len(kept) < len(notes):
        page[generic.pdf_name("/Annots")] = generic.ArrayObject([notes.raw_get(place) for place in kept])


def _is_taken_out(note: Any) -> bool:
    if not isinstance(note, generic.DictionaryObject):
        return False
    return bool(_entry(note, "/FT") == "/Sig" or _entry(note, "/Subtype") == "/FileAttachment")


def _entry(dictionary: Any, name: str) -> Any:
    """An indirect one as what it refers to, which ``get`` does not; None: there is none."""
    try:
        return dictionary[name]
    except KeyError:
        return None
