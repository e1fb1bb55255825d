"""The administrator's overview counts what waits and leads to it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.jobs.models import Job
from ris_core.messages.models import InboundMessage
from ris_webapp.rail import RAIL, rail_for
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_what_waits_is_counted() -> None:
    for state in ("REFUSED", "HELD", "APPLIED"):
        InboundMessage.objects.create(sender="HIS|BVQ", raw=b"", state=state, received_at=timezone.now())
    Job.objects.create(kind="documents", subject_id="1", state="DEAD", run_at=timezone.now())
    page = client_as(Role.ADMINISTRATOR).get("/admin/").content.decode()
    assert 'href="/messages/" data-count="2"' in page
    assert 'href="/admin/jobs/" data-count="1"' in page
    assert "HIS|BVQ" in page


def test_every_setting_is_reached_from_it_and_not_from_the_rail() -> None:
    page = client_as(Role.ADMINISTRATOR).get("/admin/").content.decode()
    settings = [entry for entry in RAIL if entry.administration]
    assert settings
    assert all(f'href="{entry.address}"' in page for entry in settings)
    assert not set(settings) & set(rail_for(Role.ADMINISTRATOR))
