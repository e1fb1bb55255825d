"""What ``manage.py check`` says of the web app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register()
def front_end_is_built(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Pages come unstyled and without scripts where the front end has not been built."""
    if (Path(settings.STATIC_ROOT) / "manifest.json").exists():
        return []
    return [Warning("the front end is not built", hint="run 'make setup'", id="quang.W001")]
