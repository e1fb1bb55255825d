"""Pictures of images whose files name no window are as bright as their values: in lists, on telephones, in exports."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import requests
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut, apply_rescale
from pydicom.uid import generate_uid

from ris_core.access.signing import Keyring
from ris_core.access.tokens import issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_core.engine.windows import SOFT_TISSUE
from ris_testing.backends import RunningSuite

pytestmark = [pytest.mark.integration, pytest.mark.once]

Change = Callable[[FileDataset], None]
MOST_APART: Final = 6.0
"""Mean difference of grey values, of 255: what JPEG and rounding make."""


def _plain(image: FileDataset) -> None:
    for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"):
        if keyword in image:
            delattr(image, keyword)


def _inverse(image: FileDataset) -> None:
    _plain(image)
    image.PhotometricInterpretation = "MONOCHROME1"


def _rescaled(image: FileDataset) -> None:
    _plain(image)
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = "0.25", "-300", "US"


def _signed(image: FileDataset) -> None:
    _plain(image)
    values = image.pixel_array.astype(np.int16) - 1500
    image.PixelRepresentation = 1
    image.PixelData = values.tobytes()
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in image:
            delattr(image, keyword)


def _unchanged(_image: FileDataset) -> None:
    pass


CASES: Final[dict[str, tuple[str, Change]]] = {
    "magnetic resonance": ("MR_small.dcm", _plain),
    "inverse": ("MR_small.dcm", _inverse),
    "rescaled": ("MR_small.dcm", _rescaled),
    "negative values": ("MR_small.dcm", _signed),
    "run-length": ("MR_small_RLE.dcm", _plain),
    "window of the file": ("MR_small.dcm", _unchanged),
    "computed tomography": ("CT_small.dcm", _unchanged),
    "JPEG 2000": ("JPEG2000.dcm", _unchanged),
    "palette": ("examples_palette.dcm", _unchanged),
}


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def _stored(engine: Engine, name: str, change: Change) -> tuple[FileDataset, str]:
    image = dcmread(str(get_testdata_file(name)))
    change(image)
    image.PatientID = f"PIC{generate_uid()[-12:]}"
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file = io.BytesIO()
    image.save_as(file)
    return image, engine.store_instance(file.getvalue()).orthanc_id


def _expected(image: FileDataset) -> npt.NDArray[np.float64]:
    """The grey values of the picture as they should be, 0 to 255."""
    pixels: npt.NDArray[Any] = image.pixel_array
    if image.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(pixels[0] if pixels.ndim == 3 else pixels, image)
        return np.asarray(Image.fromarray((colours >> 8).astype(np.uint8)).convert("L"), dtype=np.float64)
    values = apply_rescale(pixels, image)
    if "WindowWidth" in image:
        centre, width = float(image.WindowCenter), float(image.WindowWidth)
    else:
        dark, bright = np.percentile(values, (0.5, 99.5))
        centre, width = SOFT_TISSUE if image.Modality == "CT" else ((dark + bright) / 2, bright - dark)
    grey = np.clip((values - (centre - width / 2)) / width, 0, 1) * 255
    return 255 - grey if image.PhotometricInterpretation == "MONOCHROME1" else grey


def _grey(picture: bytes) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L"), dtype=np.float64)


@pytest.mark.parametrize("case", CASES)
def test_a_picture_has_the_brightness_of_its_values(engine: Engine, case: str) -> None:
    image, orthanc_id = _stored(engine, *CASES[case])
    expected = _expected(image)
    for picture in (engine.rendered_frame(orthanc_id, 1, None), engine.lossless_frame(orthanc_id, 1, None)):
        seen = _grey(picture)
        assert seen.shape == expected.shape
        assert float(np.abs(seen - expected).mean()) < MOST_APART
    small = _grey(engine.rendered(orthanc_id, 32))
    assert max(small.shape) <= 32
    assert abs(float(small.mean()) - float(expected.mean())) < 2 * MOST_APART


def test_a_telephone_is_given_the_same_pictures(suite: RunningSuite, engine: Engine) -> None:
    image, _ = _stored(engine, *CASES["inverse"])
    study, series = str(image.StudyInstanceUID), str(image.SeriesInstanceUID)
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    until = datetime.now(UTC) + timedelta(minutes=10)
    token = issue_viewer_token(keyring, [study], "bs_lan", until, grant="session:test")
    expected = _expected(image)
    at = f"{suite.public_url}/dicom-web/studies/{study}/series/{series}"
    frame = f"{at}/instances/{image.SOPInstanceUID}/frames/1/rendered"
    browser = requests.Session()
    browser.cookies.set(viewer_cookie_name([study]), token)
    browser.headers["Accept"] = "image/avif,image/webp,*/*;q=0.8"  # as of <img>
    for address in (f"{frame}?quality=70&viewport=48,48", f"{at}/thumbnail?viewport=96,96", frame):
        answer = browser.get(address, timeout=60)
        assert answer.status_code == 200, address
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert abs(float(_grey(answer.content).mean()) - float(expected.mean())) < 2 * MOST_APART
    assert max(_grey(browser.get(f"{frame}?viewport=48,48", timeout=60).content).shape) <= 48
    dark = _grey(browser.get(f"{frame}?window=9000,10,linear", timeout=60).content)
    assert float(dark.mean()) > 250  # all of it below the window, and inverse
    assert requests.get(frame, timeout=60).status_code == 403
    assert browser.get(f"{at}.1/thumbnail", timeout=60).status_code in (403, 404)
    assert browser.get(f"{frame}?window=40,0,linear", timeout=60).status_code != 500
