"""The gateway's answers to who wants frames compressed: a frame, or a status by which Orthanc is asked instead."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Self

import imagecodecs
import numpy as np
import pydicom
import pytest
from django.http import HttpResponseBase
from django.test import RequestFactory
from pydicom.data import get_testdata_file

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineUnavailable
from ris_core.identifiers import OrthancId
from ris_webapp.gateway import frames
from ris_webapp.gateway.multipart import boundary_of, parts_of

STUDY, SERIES, INSTANCE = "1.2.1", "1.2.2", "1.2.3"
FRAMES = 3


def a_file(shift: int = 0, comment: str = "", study: str = STUDY, frame_count: int = FRAMES) -> bytes:
    """Three frames of 128 x 128: pydicom's CT, turned up by 0, 1 and 2."""
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = study, SERIES, INSTANCE
    slice_of_one = image.pixel_array
    image.NumberOfFrames, image.ImageComments = frame_count, comment
    image.PixelData = b"".join((slice_of_one + number + shift).astype("<i2").tobytes() for number in range(frame_count))
    file = io.BytesIO()
    image.save_as(file)
    return file.getvalue()


class StoredFiles:
    """What of the engine's client the gateway uses, on files in memory; counts how often a head was read."""

    files: dict[str, bytes]
    heads = 0
    fails = False

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def find_instances(self, sop_instance_uid: str) -> list[OrthancId]:
        if self.fails:
            raise EngineUnavailable("no answer")
        return [OrthancId(name) for name in self.files]

    def instance_md5(self, orthanc_id: str) -> str:
        return str(hash(self.files[orthanc_id]))

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        self.heads += 1
        return self.files[orthanc_id][:byte_count]

    def instance_part(self, orthanc_id: str, offset: int, length: int) -> bytes:
        return self.files[orthanc_id][offset : offset + length]


ONE, OTHER = ("-".join([digit * 8] * 5) for digit in "12")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredFiles]:
    files = StoredFiles({ONE: a_file()})
    monkeypatch.setattr(frames, "is_granted", lambda _request: True)
    monkeypatch.setattr(Engine, "from_settings", lambda *_, **__: files)
    monkeypatch.setattr(frames, "HEAD_BYTES", 8192)
    frames._LAYOUTS.clear()
    yield files
    frames._LAYOUTS.clear()


def ask(number: int = 1, study: str = STUDY) -> HttpResponseBase:
    return frames.frame(RequestFactory().get("/"), study, SERIES, INSTANCE, str(number))


def pixels(response: HttpResponseBase) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    body = getattr(response, "content", b"")
    (codestream,) = parts_of(body, boundary_of(response["Content-Type"]))
    assert response["Content-Length"] == str(len(body))
    return np.asarray(imagecodecs.htj2k_decode(codestream))


def test_each_frame_of_many_is_the_right_one_and_attributes_are_read_once(engine: StoredFiles) -> None:
    first = pixels(ask(1))
    for number in range(1, FRAMES + 1):
        assert (pixels(ask(number)) == first + number - 1).all()
    assert engine.heads == 2


def test_another_file_under_the_same_id_is_read_anew(engine: StoredFiles) -> None:
    before = pixels(ask(2))
    engine.files[ONE] = a_file(shift=5, comment="longer, so that the pixels lie elsewhere")
    assert (pixels(ask(2)) == before + 5).all()


@pytest.mark.parametrize("many", [True, False])
def test_a_file_that_is_replaced_while_it_is_read_is_not_mixed(
    engine: StoredFiles, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    if not many:
        engine.files[ONE] = a_file(frame_count=1)
    assert ask().status_code == 200
    read = engine.instance_part

    def replaced(orthanc_id: str, offset: int, length: int) -> bytes:
        engine.files[ONE] = a_file(comment="longer, so that the pixels lie elsewhere", frame_count=3 if many else 1)
        return read(orthanc_id, offset, length)

    monkeypatch.setattr(engine, "instance_part", replaced)
    assert ask().status_code == 406


@pytest.mark.parametrize("study", ["1.2", "1.2.9"])
def test_an_instance_of_another_study_is_not_given(engine: StoredFiles, study: str) -> None:
    assert ask(study=study).status_code == 406


def test_which_of_two_instances_is_meant_is_the_engines_to_say(engine: StoredFiles) -> None:
    engine.files[OTHER] = a_file(shift=1)
    assert ask().status_code == 406
    engine.files[OTHER] = a_file(shift=1, study="1.2.9")
    assert ask().status_code == 200


@pytest.mark.parametrize("number", [FRAMES + 1, 10**8])
def test_a_frame_that_is_not_there(engine: StoredFiles, number: int) -> None:
    assert ask(number).status_code == 406


def test_a_file_that_ends_within_the_frame(engine: StoredFiles) -> None:
    engine.files[ONE] = engine.files[ONE][:-1000]
    assert ask(FRAMES).status_code == 406


def test_an_engine_that_does_not_answer(engine: StoredFiles) -> None:
    engine.fails = True
    assert ask().status_code == 503


def test_without_a_grant_nothing_is_read(engine: StoredFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "is_granted", lambda _request: False)
    assert ask().status_code == 403
    assert engine.heads == 0


def test_no_more_frames_at_once_than_the_settings_say(engine: StoredFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_PATIENCE_SECONDS", 0.01)
    with frames._turn() as one, frames._turn() as two:
        assert (one, two) == (True, True)
        assert ask().status_code == 503
    assert ask().status_code == 200


def test_a_hospital_that_wants_none_gets_none(engine: StoredFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_turns", lambda _count: None)
    assert ask().status_code == 503
