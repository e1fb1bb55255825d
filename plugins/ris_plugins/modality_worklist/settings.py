"""Constants of the modality worklist; what a site may change is the section ``[worklist]`` of the suite's settings."""

from __future__ import annotations

FETCH_LOG_SECONDS = 0.5
"""How often the log of fetches is written."""
MOST_UNWRITTEN_FETCHES = 10_000
"""Queries kept for the log while the database cannot be reached; beyond it the oldest are forgotten, and it is said."""
