"""What the tests of the portal start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings

from ris_core.portal.settings import Portal


@pytest.fixture
def portal() -> Iterator[Callable[..., None]]:
    """Change settings of the portal: ``portal(sms_code=True)``."""
    before = settings.QUANG
    values: dict[str, Any] = {}

    class Changing:
        def __getattr__(self, name: str) -> Any:
            return getattr(msgspec.structs.replace(before, portal=Portal(**values)), name)

    with patch.object(settings, "QUANG", Changing()):
        yield values.update
