"""The command that says who is told of what."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ris_core.devices.models import Device

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("notify", *arguments, stdout=output)
    return output.getvalue()


def test_a_device_is_told_and_withdrawn() -> None:
    Device.objects.create(ae_title="PACS2", name="PACS 2")
    said = told("PACS2", "--availability", "PACS2", "--event", "exam.images_available", "--modality", "CT")
    assert said == "PACS2 (INSTANCE_AVAILABILITY): exam.images_available CT\n"
    assert told("PACS2", "--off") == "PACS2 (INSTANCE_AVAILABILITY): off\n"


def test_what_cannot_be_told_is_refused() -> None:
    Device.objects.create(ae_title="PACS2", name="PACS 2")
    for arguments in (
        ("X", "--mpps", "NOBODY"), ("X",), ("X", "--off"), ("PACS2", "--mpps", "PACS2", "--event", "exam.started"),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            told(*arguments)
