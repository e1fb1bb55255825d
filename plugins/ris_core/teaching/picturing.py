"""The job that makes a case's pictures, image by image: of an anonymous copy of each, or none.

An image that may be shown as it is has the same pixels in its copy: the engine makes the picture. One from which text
was taken is shown from the copy, which nobody stores. What has been done is written down after each.
"""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.conf import settings
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, apply_windowing

from ris_core.audit.services import SYSTEM, record
from ris_core.changes.services import announce
from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.files import CleanFile, deidentified_file
from ris_core.deidentification.pixels import TextRemover
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_core.delivery.shown import has_conflict, shown_studies
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.engine.windows import Window
from ris_core.jobs.services import enqueue
from ris_core.key_images.errors import NoPicture
from ris_core.key_images.rendering import Picture, picture_of
from ris_core.key_images.rules import View
from ris_core.sharing.copying import known_texts
from ris_core.studies.files_on_disk import stored_file
from ris_core.teaching.models import TeachingCase, TeachingImage
from ris_core.teaching.services import JOB_KIND

TURN_SECONDS: Final = 120.0
"""After this long others have their turn."""
PROFILE: Final = Profile()
_PIXEL_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RuntimeError, IndexError)


def run_make_teaching_pictures(subject_id: str) -> None:
    """The job; it asks for itself again until every image has its picture or a reason why it has none."""
    case = TeachingCase.objects.select_related("procedure__patient", "procedure__request").filter(pk=int(subject_id))
    found = case.first()
    if found is None:
        return  # deleted; of a withdrawn one they are made too: it can be opened again
    began = time.monotonic()
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        for image in found.images.filter(result=TeachingImage.Result.WAITING).select_related("study"):
            _write_down(image, _made(engine, found, image))
            announce("teaching_case", found.pk)
            if time.monotonic() - began > TURN_SECONDS:
                enqueue(JOB_KIND, found.pk)
                return
    withheld = found.images.filter(result=TeachingImage.Result.WITHHELD).count()
    subject = f"teaching_case:{found.pk}"
    record(SYSTEM, "teaching.pictured", subject=subject, images=found.images.count(), withheld=withheld)
    announce("teaching_case", found.pk)


def after_make_teaching_pictures_died(subject_id: str, _error: str) -> None:
    """What has no picture gets none; the case's page says so."""
    waiting = TeachingImage.objects.filter(case_id=int(subject_id), result=TeachingImage.Result.WAITING)
    waiting.update(result=TeachingImage.Result.WITHHELD, reason="NO_PICTURE")
    announce("teaching_case", int(subject_id))


def anonymous_file(engine: Engine, case: TeachingCase, orthanc_id: str) -> CleanFile | Withheld:
    """A copy of an image by the case's pseudonyms: the same each time.

    :raises NotInEngine, EngineFailed: it cannot be had
    """
    pseudonyms = Pseudonyms(bytes(case.secret))
    return deidentified_file(
        stored_file(engine, orthanc_id),
        PROFILE,
        pseudonyms,
        known_texts=known_texts(case.procedure),
        patient=pseudonyms.patient(str(case.patient_id)),
        pixel_cleaner=TextRemover(),
    )


def _made(engine: Engine, case: TeachingCase, image: TeachingImage) -> tuple[Picture, bool] | str:
    """The picture and whether text was taken out, or why there is none."""
    shown = {study.pk for study in shown_studies(case.procedure_id)}
    if image.study_id not in shown or has_conflict(case.procedure_id):
        return "GONE"
    try:
        file = anonymous_file(engine, case, image.orthanc_id)
        if isinstance(file, Withheld):
            return file.reason.value
        frames = int(file.dataset.get("NumberOfFrames") or 1)
        number = image.frame or (frames + 1) // 2
        window = None
        if image.window_center is not None and image.window_width:
            window = image.window_center, image.window_width
        if file.text_removed:
            frame = _rendered(file, number, window)
        else:
            frame = engine.rendered_frame(image.orthanc_id, number, window)
        view = View(**_corners(image.view)) if image.view else None
        size = {"columns": int(file.dataset.Columns), "rows": int(file.dataset.Rows)}
        return picture_of(frame, **size, view=view, inverted=image.inverted), file.text_removed
    except NotInEngine:
        return "GONE"
    except (NoPicture, EngineFailed, *_PIXEL_ERRORS):
        return "NO_PICTURE"


def _write_down(image: TeachingImage, made: tuple[Picture, bool] | str) -> None:
    row = TeachingImage.objects.filter(pk=image.pk, result=TeachingImage.Result.WAITING)
    if isinstance(made, str):
        row.update(result=TeachingImage.Result.WITHHELD, reason=made)
        return
    picture, cleaned = made
    result = TeachingImage.Result.CLEANED if cleaned else TeachingImage.Result.READY
    row.update(result=result, picture=picture.jpeg, sha256=picture.sha256)


def _corners(view: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in view.items()}


def _rendered(file: CleanFile, number: int, window: Window | None) -> bytes:
    """One frame of a file whose pixels lie as they are, through its window or the one asked for."""
    dataset = dcmread(BytesIO(b"".join(file.pieces())))
    frames = dataset.pixel_array
    frame: npt.NDArray[Any] = frames[number - 1] if int(dataset.get("NumberOfFrames") or 1) > 1 else frames
    if "RedPaletteColorLookupTableData" in dataset:
        frame = apply_color_lut(frame, dataset)
    if frame.ndim == 2:
        frame = apply_modality_lut(frame, dataset)
        if window is not None:
            dataset.WindowCenter, dataset.WindowWidth = window
            frame = apply_windowing(frame, dataset)
        else:
            frame = apply_voi_lut(frame, dataset)
    shown = frame.astype(np.float64)
    if frame.ndim == 2 or frame.dtype.itemsize > 1:
        low, high = float(shown.min()), float(shown.max())
        shown = (shown - low) * (255 / (high - low) if high > low else 0.0)
    if str(dataset.get("PhotometricInterpretation")) == "MONOCHROME1":
        shown = 255 - shown
    buffer = BytesIO()
    Image.fromarray(np.asarray(shown.clip(0, 255), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
