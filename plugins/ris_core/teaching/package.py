"""A case as files that need nothing else: a page that opens from its folder, pictures, and anonymous DICOM if wanted.

The page says nothing of where the case is from but the hospital's name, and loads nothing from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final

from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.kinds import Reason
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.teaching.models import READY, TeachingCase
from ris_core.teaching.picturing import anonymous_file

_MARK: Final = re.compile(r"\{\{([a-z]+)\}\}")
PAGE: Final = Path(__file__).with_name("page.html")
_ANSWERS: Final = (
    ("findings", "Mô tả / Findings"), ("diagnosis", "Chẩn đoán / Diagnosis"), ("discussion", "Bàn luận / Discussion"),
)  # fmt: skip
_NOT_INCLUDED: Final = "Không có tệp DICOM của {count} ảnh. / The DICOM files of {count} images are not included."


def pictures_of(case: TeachingCase, folder: Path) -> list[tuple[str, Path]]:
    """Names within the archive and where the files lie."""
    found = []
    for number, image in enumerate(case.images.filter(result__in=READY), 1):
        path = folder / f"picture-{number}.jpg"
        path.write_bytes(bytes(image.picture))
        found.append((f"images/{number:03d}.jpg", path))
    return found


def dicom_of(case: TeachingCase, engine: Engine, folder: Path, step: Callable[[int], None]) -> list[tuple[str, Path]]:
    """Each image of the pictures once; what can be copied no more is left out.

    :param step: called after each image with the bytes of all so far; raises when it is to end
    :raises EngineFailed: one cannot be had now
    """
    found, written = [], 0
    for number, orthanc_id in enumerate(sources_of(case), 1):
        path = folder / f"dicom-{number}.dcm"
        try:
            file = anonymous_file(engine, case, orthanc_id)
        except NotInEngine:
            file = Withheld(Reason.UNREADABLE)
        if not isinstance(file, Withheld):
            with path.open("wb") as target:
                target.writelines(file.pieces())
            found.append((f"dicom/{number:04d}.dcm", path))
            written += path.stat().st_size
        step(written)
    return found


def sources_of(case: TeachingCase) -> list[str]:
    """Of the images with a picture, each once: their identifiers in the engine."""
    return list(dict.fromkeys(case.images.filter(result__in=READY).values_list("orthanc_id", flat=True)))


def page_of(case: TeachingCase, pictures: list[str], *, hospital: str, missing: int, target: Path) -> Path:
    """:param pictures: names within the archive
    :param missing: images whose DICOM file is wanted and not there
    """
    answers = "".join(
        f"<h2>{label}</h2><p>{escape(getattr(case, name))}</p>" for name, label in _ANSWERS if getattr(case, name)
    )
    figures = "".join(
        f'<figure><img src="{name}" alt="{number}"><figcaption>{number}</figcaption></figure>'
        for number, name in enumerate(pictures, 1)
    )
    about = " · ".join(filter(None, (case.modality, case.body_part)))
    parts = {
        "answers": answers, "figures": figures, "title": escape(case.title), "about": escape(about),
        "history": escape(case.history), "hospital": escape(hospital), "tags": escape(case.tags),
        "missing": _NOT_INCLUDED.format(count=missing) if missing else "",
    }  # fmt: skip
    html = _MARK.sub(lambda mark: parts[mark[1]], PAGE.read_text(encoding="utf-8"))
    target.write_text(html, encoding="utf-8")
    return target
