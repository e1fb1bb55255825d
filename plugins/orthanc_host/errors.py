"""Errors of the engine's edge."""

from __future__ import annotations

from ris_core.errors import QuangError


class EngineError(QuangError):
    """Orthanc refused a call of its REST API or did not know the resource."""

    code = "QUANG-3001"


class HandlerTaken(QuangError):
    """Two plugins want to be the one that answers worklist queries."""

    code = "QUANG-3002"
