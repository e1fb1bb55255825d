"""What happens to an image under the UID of a stored one, before its device is answered."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone

from orthanc_host.errors import EngineError
from orthanc_host.fakes import FakeHost
from orthanc_host.host import Origin
from ris_core.studies.dicom_file import read_dicom_file, series_instance_uid, sop_instance_uid
from ris_core.studies.elements import DEFLATED
from ris_core.studies.engine_ids import engine_ids
from ris_core.studies.kept_copies import copy_file
from ris_core.studies.models import KeptCopy
from ris_core.studies.rewriting import Note, rewritten
from ris_plugins.repeated_images import plugin
from ris_plugins.repeated_images.service import new_series, repeated_images
from ris_plugins.repeated_images.service.repeated_images import RepeatedImages
from ris_testing.dicom_files import a_dicom_file

pytestmark = pytest.mark.django_db


class Archive:
    """What the engine has, and the gate before it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reports: list[str] = []
        self.asked: list[str] = []
        self.start_again()

    def start_again(self) -> None:
        repeated = RepeatedImages(
            self.stored_under,
            lambda series_uid: any(series_instance_uid(file) == series_uid for file in self.files.values()),
            self.files.__getitem__,
            contextlib.nullcontext,
            lambda event, **values: self.reports.append(event),
        )
        self.may_go_on = plugin.handler(repeated)

    def stored_under(self, uid: str) -> list[str]:
        self.asked.append(uid)
        return [key for key, file in self.files.items() if sop_instance_uid(file) == uid]

    def send(self, file: bytes, origin: Origin = Origin.DEVICE) -> bool:
        """As the engine does: the first stays; returns whether the device was told success."""
        if not self.may_go_on(file, origin):
            return False
        self.files.setdefault(engine_ids(read_dicom_file(file)).instance, file)
        return True


def an_image(pixels: bytes = b"\1\2", *, uid: str = "1.2.3.4", **attributes: Any) -> bytes:
    attributes = {"SeriesInstanceUID": "1.2.3.1", "BitsAllocated": 8, **attributes}
    return a_dicom_file(SOPInstanceUID=uid, PixelData=pixels, **attributes)


def test_another_image_under_a_stored_uid_is_kept_byte_for_byte_and_only_once() -> None:
    archive = Archive()
    first, second = an_image(), an_image(b"\3\4")
    for file in (first, second, second, first):
        assert archive.send(file)
    (copy,) = KeptCopy.objects.all()
    assert (copy_file(copy), copy.difference) == (second, "PIXELS")
    assert list(archive.files.values()) == [first]


def test_the_same_image_again_is_quiet_also_when_its_patient_was_corrected_since() -> None:
    archive, image = Archive(), an_image()
    archive.send(image)
    key = next(iter(archive.files))
    wanted = {0x00100010: "TRẦN^THỊ BÌNH", 0x00080050: "ACC9"}
    note = Note(timezone.now(), "CT1")
    archive.files[key] = rewritten(read_dicom_file(image), wanted, note).as_bytes()
    assert archive.send(image)
    assert archive.send(an_image(PatientName="CORRECTED^AT THE CONSOLE"))
    assert not KeptCopy.objects.exists()


def test_equal_pixels_described_otherwise_are_another_image() -> None:
    archive = Archive()
    archive.send(an_image(ImageLaterality="L"))
    archive.send(an_image(ImageLaterality="R"))
    assert KeptCopy.objects.get().difference == "ATTRIBUTES"
    archive.send(an_image(syntax="1.2.840.10008.1.2.2", ImageLaterality="L"))
    assert KeptCopy.objects.order_by("pk")[1].difference == "ENCODING"


def test_of_another_patient_the_engine_keeps_both() -> None:
    archive = Archive()
    archive.send(an_image())
    archive.send(an_image(b"\3\4", PatientID="BN002"))
    assert (len(archive.files), KeptCopy.objects.count()) == (2, 0)


def test_without_room_the_device_keeps_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = type(settings.QUANG.mapping)(kept_copies_mebibytes=0)
    monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, mapping=mapping))
    archive = Archive()
    assert archive.send(an_image())
    assert not archive.send(an_image(b"\3\4"))
    assert (KeptCopy.objects.count(), len(archive.reports)) == (0, 1)


def test_what_makes_no_sense_to_us_is_kept_when_its_bytes_differ() -> None:
    archive, image = Archive(), an_image()
    archive.send(image)
    assert archive.may_go_on(image[:-30], Origin.DEVICE)
    assert KeptCopy.objects.get().byte_count == len(image) - 30


def test_two_associations_that_send_one_uid_at_once_lose_neither_image(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, first, second = Archive(), an_image(), an_image(b"\3\4")
    assert archive.may_go_on(first, Origin.DEVICE), "let in, and not stored yet"
    waits = threading.Event()

    def look_again(_seconds: float) -> None:
        archive.files[engine_ids(read_dicom_file(first)).instance] = first
        waits.set()

    monkeypatch.setattr(time, "sleep", look_again)
    assert archive.send(second)
    assert waits.is_set()
    assert copy_file(KeptCopy.objects.get()) == second


def test_an_image_let_in_that_never_comes_to_be_stored_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_images, "LONGEST_WAIT_SECONDS", 0.0)
    archive, image = Archive(), an_image()
    assert archive.may_go_on(image, Origin.DEVICE)
    assert not archive.may_go_on(image, Origin.DEVICE)
    monkeypatch.setattr(repeated_images, "STORED_WITHIN_SECONDS", 0.0)
    assert archive.send(image)


def test_what_the_engine_cannot_be_asked_about_is_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()
    plugin.register(host, settings.QUANG)
    monkeypatch.setattr(host.fake_rest, "post", lambda *_: b"[]")
    assert host.receive(an_image(), Origin.DEVICE) is None
    monkeypatch.setattr(host.fake_rest, "post", refuse)
    assert host.receive(an_image(b"\3\4"), Origin.DEVICE) is not None


def test_of_a_series_that_is_new_no_further_image_is_asked_about_until_one_comes_again() -> None:
    archive = Archive()
    for number in range(50):
        assert archive.send(an_image(uid=f"1.2.3.{number}"))
    assert archive.asked == []
    assert archive.send(an_image(b"\3\4", uid="1.2.3.7"))
    assert archive.asked == ["1.2.3.7"]
    assert KeptCopy.objects.get().sop_instance_uid == "1.2.3.7"


def test_of_a_series_that_the_engine_has_something_of_each_image_is_asked_about() -> None:
    archive = Archive()
    archive.send(an_image(uid="1.2.3.1"))
    archive.start_again()
    archive.send(an_image(b"\3\4", uid="1.2.3.1"))
    assert archive.asked == ["1.2.3.1"]
    assert KeptCopy.objects.count() == 1


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", DEFLATED])
@pytest.mark.parametrize("before", [True, False])
def test_what_comes_into_a_series_by_rest_is_found_when_a_device_sends_it_too(syntax: str, before: bool) -> None:
    archive = Archive()
    if before:
        archive.send(an_image(uid="1.2.3.1"))
    archive.send(an_image(uid="1.2.3.2", syntax=syntax), Origin.REST)
    assert archive.send(an_image(b"\3\4", uid="1.2.3.2"))
    assert KeptCopy.objects.count() == 1


def test_after_a_file_whose_series_nobody_could_find_every_image_is_asked_about() -> None:
    archive = Archive()
    archive.send(an_image(uid="1.2.3.1"))
    assert archive.may_go_on(b"not understood" * 20, Origin.REST)
    archive.send(an_image(uid="1.2.3.3"))
    archive.send(an_image(uid="1.2.4.1", SeriesInstanceUID="1.2.4"))
    assert archive.asked == ["1.2.3.3", "1.2.4.1"]


def test_a_series_that_was_forgotten_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_series, "MOST_UIDS", 10)
    archive = Archive()
    for number in range(30):
        archive.send(an_image(uid=f"1.2.{number}.1", SeriesInstanceUID=f"1.2.{number}"))
    assert archive.asked == []
    for number in range(30):
        archive.send(an_image(b"\3\4", uid=f"1.2.{number}.1", SeriesInstanceUID=f"1.2.{number}"))
    assert KeptCopy.objects.count() == 30


def test_whatever_comes_on_whatever_way_no_image_is_lost() -> None:
    """Of every image that was ever acknowledged the bytes are stored or kept."""
    chance = random.Random(20)
    for number in range(40):
        archive, acknowledged = Archive(), set()
        for _ in range(12):
            series = f"1.2.{number}.{chance.randrange(2)}"
            file = an_image(
                bytes([chance.randrange(3), 0]),
                uid=f"{series}.{chance.randrange(3)}",
                SeriesInstanceUID=series,
                PatientID=chance.choice(["BN001", "BN002"]),
            )
            origin = chance.choice([Origin.DEVICE, Origin.DEVICE, Origin.DEVICE, Origin.OTHER])
            if archive.send(file, origin):
                acknowledged.add(file)
        kept = {copy_file(copy) for copy in KeptCopy.objects.all()}
        assert acknowledged <= kept | set(archive.files.values())


def refuse(*_: object) -> bytes:
    raise EngineError("no")
