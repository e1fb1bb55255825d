"""What stands in a result's message for one receiver, as data; what a layout does not say is the default below."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from ris_core.errors import InvalidValue


class Part(StrEnum):
    """One kind of OBX (or of attachment, where the format has others)."""

    SECTIONS = "sections"
    """Each section of the report as text: OBX-2 FT."""
    WHOLE_TEXT = "whole_text"
    """The whole report as one text: OBX-2 FT."""
    STUDIES = "studies"
    """The StudyInstanceUIDs: OBX-2 ST."""
    LINK = "link"
    """The signed link to images and report: OBX-2 RP."""
    PDF = "pdf"
    """The printed report: OBX-2 ED, Base64."""
    SIGNED_XML = "signed_xml"
    """The signed structured result (XAdES), when there is one: OBX-2 ED, Base64."""
    CDA = "cda"
    """The report as CDA R2: OBX-2 ED, Base64."""
    IMAGES = "images"
    """Key images as JPEG: OBX-2 ED, Base64."""
    IMAGE_LINKS = "image_links"
    """Key images as signed links to a JPEG: OBX-2 RP."""


DEFAULT_PARTS: Final = (Part.SECTIONS, Part.STUDIES, Part.LINK, Part.PDF)

_Identifier = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^|~\\&\r\n]+$")]
_PartOrSection = Annotated[str, Meta(max_length=32)]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one receiver's messages hold. Immutable; refuses keys that it does not know."""

    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=len(Part))] = DEFAULT_PARTS
    """In the order in which they stand in the message."""
    identifiers: Annotated[dict[_PartOrSection, _Identifier], Meta(max_length=32)] = {}
    """OBX-3 by section (``conclusion``) or part (``pdf``) where the receiver has its own: ``KL^Kết luận^BVQ``."""
    recalled_as: Literal["W", "D"] = "W"
    """OBX-11 of a recalled result (HL7 table 0085): posted as wrong, or deleted."""
    newer_document: Literal["T10", "T08", "T06"] = "T10"
    """The MDM event of a later version: replacement, edit, addendum."""

    def __post_init__(self) -> None:
        if len(set(self.parts)) != len(self.parts):
            raise ValueError("each part stands once")
        unknown = self.identifiers.keys() - {*Part, "technique", "findings", "conclusion", "recommendation"}
        if unknown:
            raise ValueError(f"no section and no part is called {sorted(unknown)[0]}")


DEFAULT_LAYOUT: Final = Layout()


def layout_of(data: dict[str, Any]) -> Layout:
    """The layout in ``data``.

    :raises InvalidValue: it has a key or a value that no layout has; ``field`` is ``layout``
    """
    try:
        return msgspec.convert(data, Layout)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"the layout cannot be so: {error}", field="layout") from error


def layout_data(layout: Layout) -> dict[str, Any]:
    """``layout`` as JSON, without what is as everywhere."""
    data: dict[str, Any] = msgspec.to_builtins(layout)
    return data
