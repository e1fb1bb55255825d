"""Settings of the modality worklist: the section ``[worklist]`` of the suite's settings."""

from __future__ import annotations

from ris_core.settings import Worklist

FETCH_LOG_SECONDS = 0.5
"""How often the log of fetches is written."""
MOST_UNWRITTEN_FETCHES = 10_000
"""Queries kept for the log while the database cannot be reached; beyond it the oldest are forgotten, and it is said."""

__all__ = ["FETCH_LOG_SECONDS", "MOST_UNWRITTEN_FETCHES", "Worklist"]
