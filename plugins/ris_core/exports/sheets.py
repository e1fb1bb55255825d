"""Small pictures of a study on paper: a contact sheet as PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Final

from PIL import Image

from ris_core.exports.staged import StagedImage, StagedSeries
from ris_core.print_layouts.typesetting import File, Page, typeset

_SIDE: Final = 420
"""Pixels of a picture's longer side: 55 mm at 190 dpi."""
_STYLE: Final = """
@page { size: A4; margin: 12mm 10mm 14mm; @bottom-right { content: counter(page) "/" counter(pages); font-size: 8pt; } }
body { font-family: "Be Vietnam Pro", "Noto Sans", sans-serif; font-size: 9pt; }
h1 { font-size: 13pt; margin: 0 0 1mm; } p { margin: 0 0 2mm; }
figure { display: inline-block; width: 61mm; margin: 0 1mm 3mm; vertical-align: top; break-inside: avoid; }
figure div { height: 58mm; background: #000; text-align: center; }
img { max-width: 61mm; max-height: 58mm; } figcaption { font-size: 7.5pt; }
"""


def contact_sheet(images: Sequence[tuple[StagedSeries, StagedImage]], hospital: str, left_out: int = 0) -> bytes:
    """One study's pictures, in the order of its series.

    :param left_out: how much of the whole export is missing
    :raises DocumentTooLarge: more than a document may have
    """
    series = images[0][0]
    patient, study = series.patient.record, series.study.record
    name = str(patient.get("PatientName", "")).split("=")[0].replace("^", " ").strip()
    facts = [str(patient.get("PatientID", "")), _date(str(patient.get("PatientBirthDate", "") or ""))]
    about = [_date(str(study.get("StudyDate", ""))), str(study.get("StudyDescription", "") or "")]
    files, figures = {}, []
    for place, (of, image) in enumerate(images):
        files[f"{place}.jpg"] = File(_small(image), "image/jpeg")
        caption = f"{of.modality} {of.series_number:g} {of.description} · {image.number:g}"
        figures.append(
            f'<figure><div><img src="quang:{place}.jpg"></div><figcaption>{escape(caption)}</figcaption></figure>'
        )
    html = (
        f"<html lang=vi><body><p>{escape(hospital)}</p><h1>{escape(name)}</h1>"
        f"<p>{escape(' · '.join(filter(None, facts)))}<br>{escape(' · '.join(filter(None, about)))}</p>"
        f"<p>Ảnh thu nhỏ, không dùng để chẩn đoán. / Small pictures, not for diagnosis.</p>"
        f"{_lacking(left_out)}{''.join(figures)}</body></html>"
    )
    return typeset(Page(html, (_STYLE,), files)).pdf


def _lacking(left_out: int) -> str:
    return f"<p><b>Thiếu {left_out} đối tượng. / {left_out} objects are missing.</b></p>" if left_out else ""


def _small(image: StagedImage) -> bytes:
    with Image.open(image.pictures[0][0]) as opened:
        small = opened.convert("RGB" if opened.mode not in ("L", "1") else "L")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=82)
    return file.getvalue()


def _date(text: str) -> str:
    return f"{text[6:]}/{text[4:6]}/{text[:4]}" if len(text) == 8 and text.isdigit() else text
