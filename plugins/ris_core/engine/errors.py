"""What can go wrong with the engine; only :class:`EngineUnavailable` is worth another try later."""

from __future__ import annotations

from ris_core.errors import NotFound, QuangError


class EngineError(QuangError):
    """The engine did not do what it was asked."""

    code = "QUANG-4000"


class EngineUnavailable(EngineError):
    """The engine cannot be reached, is starting, or did not answer in time; try again later."""

    code = "QUANG-4001"


class EngineRefused(EngineError):
    """The engine's filter does not let this service do that (HTTP 401 or 403): a wrong token or a missing rule."""

    code = "QUANG-4002"


class EngineFailed(EngineError):
    """The engine answered with an error; the same request would fail again."""

    code = "QUANG-4003"


class RangeBeyondFile(EngineFailed):
    """More bytes were asked for than the file has (HTTP 416)."""

    code = "QUANG-4005"


class NotInEngine(NotFound):
    """No such study, series or instance in the engine (any more)."""

    code = "QUANG-4004"
