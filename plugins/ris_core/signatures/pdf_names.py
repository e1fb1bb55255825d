"""Names in signed PDFs."""

from __future__ import annotations

from typing import Final

ATTACHMENT: Final = "ket-qua.xml"
"""The structured result in the PDF."""
FIELD: Final = "ChuKyBacSi"
"""The form field with the signature."""
