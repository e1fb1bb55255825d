"""Pictures that people hand in for letterheads, made harmless: raster images drawn anew, SVG cut to what draws."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree
from PIL import Image, UnidentifiedImageError

from ris_core.errors import InvalidValue

MOST_BYTES: Final = 2 * 1024 * 1024
_MOST_PIXELS: Final = 40_000_000
_LONGEST_SIDE: Final = 1600
_MOST_ELEMENTS: Final = 5000
_MOST_DRAWN: Final = 20_000
"""Parts of a drawing, each as often as it is used."""
_DEEPEST: Final = 100
_SVG: Final = "http://www.w3.org/2000/svg"
_ELEMENTS: Final = frozenset(
    {
        "svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
        "text", "tspan", "linearGradient", "radialGradient", "stop", "clipPath", "symbol", "use",
    }
)  # fmt: skip
_ATTRIBUTES: Final = frozenset(
    {
        "id", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "dx", "dy",
        "width", "height", "viewBox", "preserveAspectRatio", "version", "points", "transform", "fill",
        "fill-opacity", "fill-rule", "clip-rule", "clip-path", "stroke", "stroke-width", "stroke-linecap",
        "stroke-linejoin", "stroke-opacity", "stroke-miterlimit", "stroke-dasharray", "stroke-dashoffset",
        "opacity", "offset", "stop-color", "stop-opacity", "gradientUnits", "gradientTransform", "spreadMethod",
        "clipPathUnits", "font-family", "font-size", "font-weight", "font-style", "text-anchor",
        "letter-spacing", "href",
    }
)  # fmt: skip
_PROPERTY: Final = re.compile(r"\s*([a-z-]+)\s*:([^;:<>\\@]+)")
_USED: Final = re.compile(r"(?:^\s*#|url\s*\(\s*['\"]?#)([^'\")\s]+)")
_OUTSIDE: Final = re.compile(r"url\s*\(\s*(?!['\"]?#)|javascript:|expression|@import|\\", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    content: bytes
    media_type: str
    sha256: str


def clean_picture(data: bytes) -> Picture:
    """What is kept of a PNG, JPEG or SVG: the same picture without anything that does not draw.

    :raises InvalidValue: none of these, broken, or too large
    """
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"a picture has at most {MOST_BYTES} bytes", field="picture")
    content, media_type = _raster(data) if _is_raster(data) else (_drawing(data), "image/svg+xml")
    return Picture(content, media_type, hashlib.sha256(content).hexdigest())


def _is_raster(data: bytes) -> bool:
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))


def _raster(data: bytes) -> tuple[bytes, str]:
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        if image.width * image.height > _MOST_PIXELS:
            raise InvalidValue("the picture has too many pixels", field="picture")
        as_jpeg = image.format == "JPEG"
        image = image.convert("RGB" if as_jpeg else "RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidValue("the picture cannot be read", field="picture") from error
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
    image.info.clear()
    file = io.BytesIO()
    if as_jpeg:
        image.save(file, "JPEG", quality=92)
        return file.getvalue(), "image/jpeg"
    image.save(file, "PNG", optimize=True)
    return file.getvalue(), "image/png"


def _drawing(data: bytes) -> bytes:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidValue("the picture is no PNG, JPEG or SVG", field="picture") from error
    if root.tag != f"{{{_SVG}}}svg" or root.getroottree().docinfo.doctype:
        raise InvalidValue("the picture is no PNG, JPEG or plain SVG", field="picture")
    elements = list(root.iter())
    if len(elements) > _MOST_ELEMENTS:
        raise InvalidValue("the drawing has too many parts", field="picture")
    for element in elements:
        if not _draws(element):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        _keep_what_draws(element)
    etree.cleanup_namespaces(root)
    _refuse_endless(root)
    cleaned: bytes = etree.tostring(root, encoding="utf-8")
    return cleaned


def _refuse_endless(root: etree._Element) -> None:
    """A few parts that use each other again and again are millions to draw, or never end.

    :raises InvalidValue: so it is
    """
    by_id: dict[str, list[etree._Element]] = {}
    for each in root.iter():
        by_id.setdefault(str(each.get("id", "")), []).append(each)
    known: dict[etree._Element, int] = {}

    def drawn(element: etree._Element, depth: int) -> int:
        if depth > _DEEPEST:
            raise InvalidValue("the drawing is nested too deeply, or shows itself", field="picture")
        if element not in known:
            names = [name for value in element.attrib.values() for name in _USED.findall(str(value))]
            parts = [*element, *(used for name in names for used in by_id.get(name, []))]
            known[element] = 1 + sum(drawn(part, depth + 1) for part in parts)
        if known[element] > _MOST_DRAWN:
            raise InvalidValue("the drawing has too many parts", field="picture")
        return known[element]

    drawn(root, 0)


def _draws(element: etree._Element) -> bool:
    name = etree.QName(element) if isinstance(element.tag, str) else None
    return name is not None and name.namespace == _SVG and name.localname in _ELEMENTS


def _keep_what_draws(element: etree._Element) -> None:
    style = str(element.attrib.pop("style", ""))
    for part in style.split(";"):
        found = _PROPERTY.fullmatch(part)
        value = found[2].strip() if found else ""
        if found and value and found[1] in _ATTRIBUTES and found[1] not in element.attrib:
            element.set(found[1], value)
    for key, value in list(element.attrib.items()):
        name = etree.QName(key).localname
        inside = str(value).strip().startswith("#") if name == "href" else not _OUTSIDE.search(str(value))
        if name not in _ATTRIBUTES or not inside:
            del element.attrib[key]
