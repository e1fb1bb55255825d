"""One state of a report as one receiver gets it: everything that goes into a message, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ris_core.delivery.layout import DEFAULT_LAYOUT, Layout
from ris_core.delivery.segments import ExamMessage

SECTION_CODES: Final[dict[str, tuple[str, str, str]]] = {
    "technique": ("55111-9", "Current imaging procedure descriptions", "Kỹ thuật"),
    "findings": ("18782-3", "Radiology Study observation", "Mô tả hình ảnh"),
    "conclusion": ("19005-8", "Radiology Imaging study [Impression]", "Kết luận"),
    "recommendation": ("18783-1", "Radiology Study recommendation", "Đề nghị"),
}
"""Of each standard section: LOINC code and name, name in Vietnamese."""

REPORT_CODE: Final = ("18748-4", "Diagnostic imaging study")
"""LOINC code and name of the report as a whole."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The physician who approved."""

    user_name: str
    full_name: str
    """As written in Vietnamese: the family name first."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the report; ``text`` is empty for one that an earlier version had and this one has not."""

    name: str
    text: str
    title: str = ""
    """Its heading; told for sections that a template added, which have no LOINC code."""

    @property
    def heading(self) -> str:
        return SECTION_CODES[self.name][2] if self.name in SECTION_CODES else self.title


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A picture that the reader chose, as it was seen."""

    sop_instance_uid: str
    jpeg: bytes
    url: str = ""
    """Where it can be fetched; empty when nobody asked for a link."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Recalled:
    """That a version counts no more."""

    reason: str
    recalled_at: datetime
    """Aware, in the site's zone."""


@dataclass(frozen=True, slots=True)
class Result(ExamMessage):
    """One version of a report, or its recall, as one receiver gets it. Times are aware, in the site's zone."""

    observed_at: datetime
    status: str
    """HL7 table 0123: P, F or C."""
    approved_at: datetime
    interpreter: Interpreter
    sections: tuple[Section, ...]
    study_uids: tuple[str, ...]
    viewer_url: str
    """Empty when the exam has no images."""
    pdf: bytes
    """Signed, when a signature is in force."""
    signed_xml: bytes = b""
    images: tuple[KeyImage, ...] = ()
    reading_ordinal: int = 1
    version_number: int = 1
    former_number: int = 0
    """The version that the receiver has and that this one takes the place of; 0: none, or it was recalled."""
    original_number: int = 1
    """The first version that the receiver got, since the last recall."""
    recalled: Recalled | None = None
    test: bool = False
    """Whether it is a trial: MSH-11 T."""
    layout: Layout = DEFAULT_LAYOUT

    @property
    def report_id(self) -> str:
        """Names the report everywhere, whatever its version."""
        return f"{self.filler_order_number}.{self.reading_ordinal}"

    @property
    def document_id(self) -> str:
        """Names this version of it."""
        return f"{self.report_id}.{self.version_number}"
