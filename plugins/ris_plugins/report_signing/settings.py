"""Settings of signing: the section ``[signing]`` of the suite's settings, read by the worker and the web app."""

from __future__ import annotations

from ris_core.signatures.settings import Signing

__all__ = ["Signing"]
