"""What lies on a disc beside its DICOM files: a viewer that needs neither network nor installation, reports, a text to
read first.

Browsers let a page that was opened from a disc (``file://``) fetch nothing and read no pixels of a picture. So every
picture is rendered beforehand and shown as ``<img>``, in the windows that one needs, and all else is in one script.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ris_core.exports.packing import Named, directory_of
from ris_core.exports.staged import StagedImage, StagedSeries

_VIEWER: Final = Path(__file__).parent / "viewer"
_FILES: Final = (("index.htm", "index.htm"), ("viewer/viewer.css", "viewer.css"), ("viewer/viewer.js", "viewer.js"))
_README: Final = """\
{hospital}
{made}

TIẾNG VIỆT
- Mở tệp index.htm bằng trình duyệt để xem ảnh: không cần mạng, không cần cài đặt. Chỉ để xem, KHÔNG dùng để chẩn đoán.
- Thư mục DICOM và tệp DICOMDIR: ảnh gốc, mở bằng phần mềm DICOM bất kỳ.
- Thư mục REPORTS (nếu có): phiếu kết quả, dạng PDF.

ENGLISH
- Open index.htm in a browser to see the images: no network, no installation. For viewing only, NOT for diagnosis.
- The folder DICOM and the file DICOMDIR: the original images, for any DICOM software.
- The folder REPORTS (if there is one): reports as PDF.
{also}"""


@dataclass(frozen=True, slots=True)
class Disc:
    """One of the discs of an export."""

    number: int
    count: int
    hospital: str
    made: str
    """Date and time as people write them."""
    left_out: int
    incomplete: bool


def disc_files(folder: Path, images: Sequence[tuple[StagedSeries, StagedImage]], disc: Disc) -> list[Named]:
    """Everything that goes onto one disc.

    :param folder: where the files that are made for it are written
    """
    folder.mkdir(parents=True)
    directory_of(folder / "DICOMDIR", images, f"QUANG_{disc.number}")
    files: list[Named] = [("DICOMDIR", folder / "DICOMDIR")]
    data, pictures = _data(images, disc)
    content = "window.QUANG_DISC = " + json.dumps(data, ensure_ascii=False).replace("</", "<\\/") + ";\n"
    (folder / "data.js").write_text(content, encoding="utf-8")
    files += [(name, _VIEWER / source) for name, source in _FILES]
    files.append(("viewer/data.js", folder / "data.js"))
    files.append(("README.TXT", readme(folder, disc)))
    files += reports_of(images)
    files += [("/".join(image.file_id), image.dicom) for _, image in images if image.dicom is not None]
    return files + pictures


def reports_of(images: Sequence[tuple[StagedSeries, StagedImage]]) -> list[Named]:
    """Of the studies of these images, each once."""
    studies = {series.study.number: series.study for series, _ in images}
    return [
        (_report_name(study.number, place), path)
        for study in studies.values()
        for place, path in enumerate(study.reports, 1)
    ]


def readme(folder: Path, disc: Disc) -> Path:
    """In both languages."""
    also = f"\nĐĨA / DISC {disc.number}/{disc.count}\n" if disc.count > 1 else ""
    if disc.left_out:
        also += "\nBẢN XUẤT KHÔNG ĐỦ / INCOMPLETE EXPORT\n" if disc.incomplete else ""
        also += f"\n{disc.left_out} objects are missing: MISSING.TXT / đối tượng bị thiếu: MISSING.TXT\n"
    path = folder / "README.TXT"
    path.write_text(
        _README.format(hospital=disc.hospital, made=disc.made, also=also).replace("\n", "\r\n"), encoding="utf-8-sig"
    )
    return path


def _data(images: Sequence[tuple[StagedSeries, StagedImage]], disc: Disc) -> tuple[dict[str, Any], list[Named]]:
    patients: dict[int, dict[str, Any]] = {}
    studies: dict[int, dict[str, Any]] = {}
    found: dict[int, dict[str, Any]] = {}
    pictures: list[Named] = []
    for series, image in images:
        if series.patient.key not in patients:
            patients[series.patient.key] = _patient(series)
        if series.study.number not in studies:
            studies[series.study.number] = _study(series)
            patients[series.patient.key]["studies"].append(studies[series.study.number])
        if series.number not in found:
            found[series.number] = _series(series)
            studies[series.study.number]["series"].append(found[series.number])
        for frame in image.pictures:
            names = []
            for place, path in enumerate(frame):
                name = f"viewer/s{series.number:05d}/p{len(found[series.number]['frames']) + 1:05d}w{place}.jpg"
                names.append(name)
                pictures.append((name, path))
            found[series.number]["frames"].append(names)
    whole = {
        "hospital": disc.hospital, "made": disc.made, "disc": disc.number, "discs": disc.count,
        "patients": list(patients.values()), "missing": disc.left_out, "incomplete": disc.incomplete,
    }  # fmt: skip
    return whole, pictures


def _patient(series: StagedSeries) -> dict[str, Any]:
    record = series.patient.record
    name = str(record.get("PatientName", "")).split("=")[0].replace("^", " ").strip()
    return {
        "name": name,
        "id": str(record.get("PatientID", "")),
        "born": str(record.get("PatientBirthDate", "") or ""),
        "sex": str(record.get("PatientSex", "") or ""),
        "studies": [],
    }


def _study(series: StagedSeries) -> dict[str, Any]:
    study = series.study
    return {
        "date": str(study.record.get("StudyDate", "")),
        "description": str(study.record.get("StudyDescription", "") or ""),
        "reports": [_report_name(study.number, place) for place in range(1, len(study.reports) + 1)],
        "series": [],
    }


def _series(series: StagedSeries) -> dict[str, Any]:
    return {
        "modality": series.modality,
        "number": f"{series.series_number:g}",
        "description": series.description,
        "lossy": series.lossy,
        "fps": series.frames_per_second,
        "windows": list(series.windows),
        "frames": [],
    }


def _report_name(study: int, place: int) -> str:
    return f"REPORTS/R{study:05d}{place % 100:02d}.PDF"
