"""The StudyInstanceUID that devices are told lies under the site's own root (R9)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ris_core.audit.services import SYSTEM
from ris_core.orders.services import place_order
from ris_core.orders.tests.builders import an_order
from ris_core.worklist.dataset import attributes_of, read_file
from ris_core.worklist.rules import STUDY_INSTANCE_UID
from ris_core.worklist.services import find_entries

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("root", ["2.25", "1.2.840.99999.7", "1.2.840.113619.6.408.1234567890.1234567890"])
def test_the_uid_on_the_worklist_is_under_the_configured_root(root: str, settings: Any) -> None:
    site = msgspec.structs.replace(settings.QUANG.site, uid_root=root)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, site=site)
    place_order(an_order(), SYSTEM)
    (answer,) = find_entries({}, 2).answers
    told = str(attributes_of(read_file(answer))[STUDY_INSTANCE_UID])
    assert told.startswith(f"{root}.")
    assert len(told) <= 64
