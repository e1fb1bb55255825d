"""Hanging protocols in OHIF's form (its ``HangingProtocol`` type): selectors of display sets, and stages of viewports.

The attributes ``Quang…`` are computed in the browser by ``frontend/viewer/hanging.js``. OHIF's ``greaterThan`` and
``lessThan`` include the value itself.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ris_core.hanging.rules import Layout, Protocol, Viewport

ID_PREFIX: Final = "quang."
_ANY: Final = Viewport()
_ANCHORS: Final = {"left": 0, "right": 1}


def protocol_id(code: str, own_studies: int) -> str:
    """By which OHIF is told to use the protocol; ``own_studies`` of the opened ones are the exam's, the rest priors."""
    return f"{ID_PREFIX}{code}.{own_studies}"


def as_ohif(protocol: Protocol, own_studies: int) -> dict[str, Any]:
    """:param own_studies: how many of the opened studies, the first ones, are the exam's own"""
    last_resort = Layout(name="1 × 1", rows=1, columns=1, viewports=(_ANY,))
    layouts = (*protocol.layouts, last_resort)
    viewports = {_selector_id(viewport): viewport for layout in layouts for viewport in layout.viewports}
    return {
        "id": protocol_id(protocol.code, own_studies),
        "name": protocol.name,
        "locked": True,
        "numberOfPriorsReferenced": protocol.priors,
        "protocolMatchingRules": [],
        "toolGroupIds": ["default"],
        "displaySetSelectors": {key: _selector(viewport, own_studies) for key, viewport in viewports.items()},
        "defaultViewport": {
            "viewportOptions": {"viewportType": "stack", "toolGroupId": "default", "allowUnmatchedView": True},
            "displaySets": [{"id": _selector_id(_ANY), "matchedDisplaySetsIndex": -1}],
        },
        "stages": [_stage(layout) for layout in layouts],
    }


def _stage(layout: Layout) -> dict[str, Any]:
    return {
        "name": layout.name,
        "stageActivation": {"enabled": {"minViewportsMatched": layout.needed}},
        "viewportStructure": {"layoutType": "grid", "properties": {"rows": layout.rows, "columns": layout.columns}},
        "viewports": [_viewport(viewport) for viewport in layout.viewports],
    }


def _viewport(viewport: Viewport) -> dict[str, Any]:
    # a field whose image is missing stays empty: another image in its place would be taken for it
    options: dict[str, Any] = {"viewportType": "stack", "toolGroupId": "default", "allowUnmatchedView": False}
    if viewport.anchor:
        point = [_ANCHORS[viewport.anchor], 0.5]
        options["displayArea"] = {
            "storeAsInitialCamera": True,
            "imageArea": [1, 1],
            "imageCanvasPoint": {"imagePoint": point, "canvasPoint": point},
        }
    shown: dict[str, Any] = {"id": _selector_id(viewport), "matchedDisplaySetsIndex": viewport.number - 1}
    if viewport.window:
        voi = {"windowCenter": viewport.window.center, "windowWidth": viewport.window.width}
        shown["options"] = {"voi": voi}
    return {"viewportOptions": options, "displaySets": [shown]}


def _selector_id(viewport: Viewport) -> str:
    """The same for viewports that differ only in how they show what they find, or in which of the series."""
    alike = msgspec.structs.replace(viewport, number=1, window=None, anchor="")
    return msgspec.json.encode(alike).decode()


def _selector(viewport: Viewport, own_studies: int) -> dict[str, Any]:
    index = {"attribute": "studyInstanceUIDsIndex", "from": "options", "required": True}
    if viewport.prior:
        study = [{**index, "constraint": {"equals": {"value": own_studies + viewport.prior - 1}}}]
    else:
        study = [{**index, "constraint": {"lessThan": {"value": own_studies - 1}}}]
    series = [_required("numImageFrames", greaterThan=viewport.at_least)]
    if viewport.modalities:
        series.append(_required("Modality", includes=list(viewport.modalities)))
    if viewport.views:
        series.append(_required("QuangView", includes=list(viewport.views)))
    if viewport.laterality:
        series.append(_required("QuangLaterality", equals=viewport.laterality))
    if viewport.plane:
        series.append(_required("QuangPlane", equals=viewport.plane))
    if viewport.description:
        series.append(_required("QuangDescription", containsI=[word.lower() for word in viewport.description]))
    if viewport.not_description:
        words = [word.lower() for word in viewport.not_description]
        series.append(_required("QuangDescription", doesNotContainI=words))
    # the rules choose what is hung at first; the reader may put any other series, report or document there
    return {"studyMatchingRules": study, "seriesMatchingRules": series, "allowUnmatchedView": True}


def _required(attribute: str, **constraint: Any) -> dict[str, Any]:
    [(test, value)] = constraint.items()
    return {"attribute": attribute, "required": True, "constraint": {test: {"value": value}}}
