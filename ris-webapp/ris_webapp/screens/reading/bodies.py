"""What the page's scripts send, as typed values; anything else is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from django.http import HttpRequest
from django.http.request import RawPostDataException

from ris_core.errors import InvalidValue
from ris_core.json_text import read_json
from ris_core.reports.content import Content

MAXIMUM_PRIORS_BESIDE = 3


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JSON object with exactly the named keys."""


class ContentBody(Body, frozen=True):
    content: dict[str, Any]

    def report(self) -> Content:
        """:raises InvalidValue: it is not the content of a report"""
        return Content.from_json(self.content)


class DraftBody(ContentBody, frozen=True):
    revision: int
    window: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{0,36}$")] = ""
    """Names the browser window, so that another one is told of its saves."""


class TakeOverBody(Body, frozen=True):
    reason: str = ""


class ConcludeBody(Body, frozen=True):
    revision: int


class JudgeBody(Body, frozen=True):
    opinion: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}$")]
    agreement: Literal["AGREES", "MINOR", "MAJOR"]


class HandOverBody(Body, frozen=True):
    reader: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}$")]


class TemplateBody(Body, frozen=True):
    template_id: int
    revision: int
    replace: frozenset[str] = frozenset()


class ApproveBody(Body, frozen=True):
    revision: int
    status: Literal["P", "F", "C"]
    next: bool = False


class NextBody(Body, frozen=True):
    after: int | None = None
    modality: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{0,16}$")] = ""


class PriorsBody(Body, frozen=True):
    priors: list[int] = []


class WordBody(Body, frozen=True):
    word: str


B = TypeVar("B", bound=Body)


def body_of(request: HttpRequest, kind: type[B]) -> B:
    """The request's JSON body as ``kind``.

    :raises InvalidValue: when it is not
    """
    try:
        return read_json(request.body or b"{}", kind, field="")
    except RawPostDataException as error:
        raise InvalidValue(f"the request's body is not what this address takes: {error}") from error
