"""A dose in words, with its units."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ris_core.doses.models import ExamDose


def dose_in_words(dose: ExamDose | None) -> list[str]:
    """``DLP 512 mGy·cm`` and what else is known, in this order."""
    if dose is None:
        return []
    known = (
        ("DLP", dose.dlp_mgy_cm, "mGy·cm"),
        ("CTDIvol", dose.ctdivol_mgy, "mGy"),
        ("DAP", dose.dap_gy_cm2, "Gy·cm²"),
        (_("Kerma tại điểm tham chiếu"), dose.reference_point_mgy, "mGy"),
        (_("Liều tuyến trung bình"), dose.glandular_mgy, "mGy"),
        (_("Thời gian chiếu"), dose.fluoroscopy_seconds, "s"),
    )
    return [f"{name} {short(value)} {unit}" for name, value, unit in known if value is not None]


def short(value: float) -> str:
    """Four significant digits, as people write them."""
    return f"{value:.4g}" if value < 10_000 else f"{value:.0f}"
