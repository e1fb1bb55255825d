"""What uvicorn runs: ``uvicorn ris_webapp.events:application`` (:mod:`ris_webapp.stream` with Django set up)."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ris_webapp.settings")
django.setup()

from ris_webapp.stream import application  # noqa: E402 - models can be imported only now

__all__ = ["application"]
