"""Settings of the linking: the section ``[mapping]`` of the suite's settings, read by the worker's sweeper."""

from __future__ import annotations

from ris_core.settings import AutoMapping

__all__ = ["AutoMapping"]
