"""The headings of the standard sections on screen, in the user's language."""

from __future__ import annotations

from django.utils.translation import gettext as _


def usual_headings() -> dict[str, str]:
    """By the section's code."""
    return {
        "technique": _("Kỹ thuật"),
        "findings": _("Mô tả"),
        "conclusion": _("Kết luận"),
        "recommendation": _("Đề nghị"),
    }
