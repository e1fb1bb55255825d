"""Which requests each of the suite's own services, and people's own programs, may make of the engine: all they need,
nothing else. Pure data.

A service is whoever holds its token. A new call of :class:`ris_core.engine.client.Engine` needs a line here, and the
table in ``docs/security.md`` is checked against this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ris_core.accounts.rules import Function


@dataclass(frozen=True, slots=True)
class Route:
    """A form of request that a service may make.

    In its path ``{id}`` is an Orthanc identifier, ``{label}`` a label, ``{number}`` of metadata that users may set,
    ``{frame}`` a frame's number.
    """

    method: str
    path: str
    why: str
    _form: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        form = re.escape(self.path)
        for name, pattern in _PLACEHOLDERS.items():
            form = form.replace(re.escape(name), pattern)
        object.__setattr__(self, "_form", re.compile(form, re.ASCII))

    def matches(self, method: str, path: str) -> bool:
        return method == self.method and self._form.fullmatch(path) is not None


_PLACEHOLDERS: Final = {
    "{id}": "[0-9a-f]{8}(?:-[0-9a-f]{8}){4}",
    "{label}": "[A-Za-z0-9_-]{1,64}",
    "{number}": "[1-9][0-9]{3,4}",
    "{frame}": "[0-9]{1,6}",
}

_HEALTH: Final = (
    Route("GET", "/system", "is it there, which version"),
    Route("GET", "/statistics", "how much it stores"),
)
_LOOKING: Final = (
    Route("GET", "/studies/{id}", "what a study has"),
    Route("GET", "/series/{id}", "what a series has"),
    Route("GET", "/instances/{id}/file", "one image as received"),
    Route("POST", "/tools/lookup", "find a study by its StudyInstanceUID"),
)

SERVICE_ROUTES: Final[dict[str, tuple[Route, ...]]] = {
    "web": (
        *_HEALTH,
        *_LOOKING,
        Route("GET", "/studies/{id}/statistics", "how large an export becomes"),
        Route("GET", "/instances/{id}/frames/{frame}/rendered", "a picture for a list, a phone, a report"),
        Route("GET", "/instances/{id}/attachments/dicom/data", "a part of a video, for a player; a frame, compressed"),
        Route("GET", "/instances/{id}/attachments/dicom/md5", "the file is the one that was looked at before"),
        Route("POST", "/tools/find", "an image of a study by its UID, to make a picture of it"),
        Route("POST", "/instances", "measurements and other annotations that a viewer saves, once they are checked"),
        Route("POST", "/tools/dicom-echo", "an administrator tests the connection to a device"),
    ),
    "worker": (
        *_HEALTH,
        *_LOOKING,
        Route("GET", "/studies", "sweeper: compare all studies"),
        Route("GET", "/instances/{id}/frames/{frame}/rendered", "pictures of an export"),
        Route("GET", "/studies/{id}/instances", "compare what a device made with what is here"),
        Route("GET", "/changes", "sweeper: read the engine's journal"),
        Route("GET", "/instances/{id}/attachments/dicom/data", "attributes as received, from the beginning of a file"),
        Route("GET", "/instances/{id}/metadata/RemoteAET", "who sent it"),
        Route("POST", "/tools/find", "the images of a study, to be corrected"),
        Route("GET", "/instances/{id}/attachments/dicom/md5", "proof that a corrected image is stored"),
        Route("POST", "/studies/{id}/reconstruct", "have corrected attributes found by queries"),
        Route("DELETE", "/instances/{id}", "an image whose corrected copy is proved to be stored"),
        Route("GET", "/studies/{id}/labels", "labels of a study, before it is corrected"),
        Route("PUT", "/studies/{id}/labels/{label}", "the same labels after it"),
        Route("GET", "/studies/{id}/metadata", "metadata of a study, before it is corrected"),
        Route("PUT", "/studies/{id}/metadata/{number}", "the same metadata after it"),
        Route("GET", "/series/{id}/labels", "labels of a series, before it is corrected"),
        Route("PUT", "/series/{id}/labels/{label}", "the same labels after it"),
        Route("GET", "/series/{id}/metadata", "metadata of a series, before it is corrected"),
        Route("PUT", "/series/{id}/metadata/{number}", "the same metadata after it"),
        Route("GET", "/instances/{id}/labels", "labels of a instance, before it is corrected"),
        Route("PUT", "/instances/{id}/labels/{label}", "the same labels after it"),
        Route("GET", "/instances/{id}/metadata", "metadata of a instance, before it is corrected"),
        Route("PUT", "/instances/{id}/metadata/{number}", "the same metadata after it"),
        Route("POST", "/instances", "store a document or a corrected image"),
        Route("POST", "/tools/create-dicom", "store a PDF as Encapsulated PDF"),
    ),
    "monitor": (
        *_HEALTH,
        Route("GET", "/quang/callbacks", "figures of the plugins' callbacks"),
    ),
}


TOOL_ROUTES: Final[tuple[tuple[Function, Route], ...]] = (
    (Function.VIEW_IMAGES, Route("GET", "/system", "is it there, which version")),
    (Function.VIEW_IMAGES, Route("POST", "/tools/lookup", "find a study by its StudyInstanceUID")),
    (Function.VIEW_IMAGES, Route("POST", "/tools/find", "find studies, series, images")),
    (Function.VIEW_IMAGES, Route("GET", "/studies/{id}", "what a study has")),
    (Function.VIEW_IMAGES, Route("GET", "/series/{id}", "what a series has")),
    (Function.VIEW_IMAGES, Route("GET", "/instances/{id}/file", "one image as received")),
    (Function.VIEW_IMAGES, Route("GET", "/instances/{id}/rendered", "a picture of it")),
    (Function.MANAGE_STUDIES, Route("GET", "/studies", "all studies")),
    (Function.MANAGE_STUDIES, Route("GET", "/statistics", "how much it stores")),
    (Function.ADMINISTER, Route("GET", "/quang/callbacks", "figures of the plugins' callbacks")),
)
"""What people's own programs may ask beyond images, by what their account may do. They change nothing."""


def tool_may(functions: frozenset[Function], method: str, path: str) -> bool:
    """Whether the program of somebody with ``functions`` may send ``method path``, apart from asking for images."""
    return any(function in functions and route.matches(method, path) for function, route in TOOL_ROUTES)


def service_may(service: str, method: str, path: str) -> bool:
    """Whether ``service`` may send ``method path``; an unknown service may nothing."""
    return any(route.matches(method, path) for route in SERVICE_ROUTES.get(service, ()))
