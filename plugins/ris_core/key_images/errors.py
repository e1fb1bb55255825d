"""Why an image cannot be a key image."""

from __future__ import annotations

from ris_core.errors import InvalidValue, NotFound, TransitionRefused


class NoSuchImage(NotFound):
    """The image is not among those of the exam, or the engine has it no more."""

    code = "QUANG-5401"


class NoPicture(InvalidValue):
    """The object has no pixels that could be printed (a document, a measurement report, a video)."""

    code = "QUANG-5402"


class TooManyKeyImages(TransitionRefused):
    """The exam has as many key images as one report can carry; take one away first."""

    code = "QUANG-5403"
