"""Who shares, in the tests of shares."""

from __future__ import annotations

import pytest
from django.test import Client

from ris_core.accounts.models import Role
from ris_webapp.tests.people import client_as


@pytest.fixture
def sharer() -> Client:
    return client_as(Role.RADIOLOGIST)
