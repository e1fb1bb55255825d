"""Softcopy presentation states are read: window, turn, flip, area, shutter, graphics and text (D2).

The image has a bright disc at its upper left; where it lies on the screen tells turn and flip, whatever they are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.built_kinds import SIDE, Built, a_file, an_object
from ris_testing.viewing import open_viewer, photograph

pytestmark = [pytest.mark.integration, pytest.mark.once]

TURNS = [(degrees, flip) for degrees in (0, 90, 180, 270) for flip in ("N", "Y")]
DISC = (40, 40)
"""Column and row of its centre."""


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


@pytest.fixture(scope="module")
def images(engine: Engine) -> list[Dataset]:
    """Two images of one study, to which the states of this file refer."""
    study_uid, series_uid = str(generate_uid()), generate_uid()
    made = [
        an_object(Built("lung", "2", "CT"), study_uid, SeriesInstanceUID=series_uid, InstanceNumber=number)
        for number in (1, 2)
    ]
    for image in made:
        engine.store_instance(a_file(image))
    return made


def a_state(image: Dataset, label: str, **attributes: Any) -> Dataset:
    """A greyscale state of the first image (PS3.3 A.33.1)."""
    state = an_object(Built("state", "11.1", "PR", pixels=False), str(image.StudyInstanceUID))
    state.ContentLabel, state.ContentDescription, state.InstanceNumber = label, "", 1
    state.ReferencedSeriesSequence = [_item(SeriesInstanceUID=image.SeriesInstanceUID)]
    state.ReferencedSeriesSequence[0].ReferencedImageSequence = [
        _item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    ]
    state.PresentationLUTShape = "IDENTITY"
    state.RescaleSlope, state.RescaleIntercept, state.RescaleType = 1, 0, "US"
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    return state


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _area(left: int, top: int, right: int, bottom: int) -> Dataset:
    return _item(
        DisplayedAreaTopLeftHandCorner=[left, top],
        DisplayedAreaBottomRightHandCorner=[right, bottom],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )


def _graphics() -> Dataset:
    circle = _item(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=2,
        GraphicData=[40.0, 40.0, 64.0, 40.0],
        GraphicType="CIRCLE",
        GraphicFilled="N",
    )
    arrow = _item(
        GraphicAnnotationUnits="DISPLAY",
        GraphicDimensions=2,
        NumberOfGraphicPoints=2,
        GraphicData=[0.0, 0.0, 1.0, 1.0],
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )
    text = _item(
        UnformattedTextValue="Nốt 24 mm",
        BoundingBoxAnnotationUnits="PIXEL",
        BoundingBoxTopLeftHandCorner=[70.0, 60.0],
        BoundingBoxBottomRightHandCorner=[120.0, 70.0],
        BoundingBoxTextHorizontalJustification="LEFT",
        AnchorPointAnnotationUnits="PIXEL",
        AnchorPoint=[40.0, 40.0],
        AnchorPointVisibility="Y",
    )
    return _item(GraphicLayer="NOTES", GraphicObjectSequence=[circle, arrow], TextObjectSequence=[text])


def test_window_graphics_and_shutter_of_a_state_are_shown_and_taken_away(
    suite: RunningSuite, browser: Browser, engine: Engine, images: list[Dataset]
) -> None:
    state = a_state(
        images[0],
        "HOI CHAN",
        SoftcopyVOILUTSequence=[_item(WindowCenter=1000, WindowWidth=500)],
        DisplayedAreaSelectionSequence=[_area(1, 1, SIDE, SIDE)],
        GraphicLayerSequence=[_item(GraphicLayer="NOTES", GraphicLayerOrder=1)],
        GraphicAnnotationSequence=[_graphics()],
        ShutterShape=["RECTANGULAR", "CIRCULAR"],
        ShutterLeftVerticalEdge=1,
        ShutterRightVerticalEdge=SIDE,
        ShutterUpperHorizontalEdge=1,
        ShutterLowerHorizontalEdge=100,
        CenterOfCircularShutter=[64, 64],
        RadiusOfCircularShutter=60,
        ShutterPresentationValue=0,
        PresentationLUTSequence=[_item(LUTExplanation="film")],
    )
    state.PresentationLUTShape = "INVERSE"
    engine.store_instance(a_file(state))
    with open_viewer(browser, suite, str(images[0].StudyInstanceUID)) as (page, errors):
        _wait_shown(page)
        before = page.evaluate(_LOOK)
        page.select_option("#quang-states select", label="HOI CHAN")
        page.wait_for_function("() => document.querySelectorAll('svg.quang-presentation .shutter').length === 2")
        shown = page.evaluate(_LOOK)
        photograph(page, "presentation-state")
        assert shown["window"] == pytest.approx({"lower": 750, "upper": 1249}, abs=1)
        assert shown["invert"] is not before["invert"]
        assert shown["text"] == ["Nốt 24 mm"]
        assert "Presentation LUT" in page.inner_text("#quang-states output")
        disc = page.evaluate(_AT, DISC)
        circle = page.evaluate(_FIRST_SHAPE)
        assert [circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2] == pytest.approx(disc, abs=3)

        page.evaluate("() => window.cornerstone.getEnabledElements()[0].viewport.setImageIdIndex(1)")
        page.wait_for_selector("svg.quang-presentation", state="detached")
        other = page.evaluate(_LOOK)
        assert (other["window"], other["invert"]) == (before["window"], before["invert"]), "not of this image"

        page.evaluate("() => window.cornerstone.getEnabledElements()[0].viewport.setImageIdIndex(0)")
        page.wait_for_selector("svg.quang-presentation")
        page.select_option("#quang-states select", value="")
        page.wait_for_selector("svg.quang-presentation", state="detached")
        after = page.evaluate(_LOOK)
        assert (after["window"], after["invert"]) == (before["window"], before["invert"])
    assert errors == []


def test_every_turn_and_flip_puts_the_image_where_the_standard_has_it(
    suite: RunningSuite, browser: Browser, engine: Engine, images: list[Dataset]
) -> None:
    for degrees, flip in TURNS:
        state = a_state(images[0], f"R{degrees}{flip}", ImageRotation=degrees, ImageHorizontalFlip=flip)
        state.DisplayedAreaSelectionSequence = [_area(1, 1, SIDE, SIDE)]
        engine.store_instance(a_file(state))
    area = a_state(images[0], "AREA", DisplayedAreaSelectionSequence=[_area(17, 17, 64, 64)])
    engine.store_instance(a_file(area))
    with open_viewer(browser, suite, str(images[0].StudyInstanceUID)) as (page, errors):
        page.wait_for_function("() => document.querySelectorAll('#quang-states option').length > 9")
        _wait_shown(page)
        for degrees, flip in TURNS:
            page.select_option("#quang-states select", label=f"R{degrees}{flip}")
            expected = _turned(DISC, degrees, flip)
            page.wait_for_selector("svg.quang-presentation", state="attached")
            assert _on_screen(page, DISC) == pytest.approx(expected, abs=1), (degrees, flip)
        photograph(page, "presentation-turned")
        page.select_option("#quang-states select", label="AREA")
        left, top = page.evaluate(_AT, (16, 16))
        right, bottom = page.evaluate(_AT, (64, 64))
        size = page.evaluate(_SIZE)
        assert max((right - left) / size[0], (bottom - top) / size[1]) == pytest.approx(1, abs=0.01), (
            "it fills the field"
        )
        assert [(left + right) / 2, (top + bottom) / 2] == pytest.approx([size[0] / 2, size[1] / 2], abs=1)
    assert errors == []


def _wait_shown(page: Page) -> None:
    """The states are listed as soon as the study is known: wait until the viewer has also shown the first image and
    nothing of it changes any more, since OHIF sets window and camera after the first picture."""
    page.wait_for_selector("#quang-states")
    page.wait_for_function(_AT_REST)


def _turned(point: tuple[int, int], degrees: int, flip: str) -> tuple[float, float]:
    """Where a point of the image lies, of its own size: turned clockwise first, then flipped (PS3.3 C.10.6)."""
    column, row = float(point[0]), float(point[1])
    for _ in range(degrees // 90):
        column, row = SIDE - row, column
    return (SIDE - column if flip == "Y" else column), row


def _on_screen(page: Page, point: tuple[int, int]) -> tuple[float, float]:
    """A point as it lies on the screen, in image pixels from the upper left of what is seen of the image."""
    corners = [page.evaluate(_AT, corner) for corner in ((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE))]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    width, height = max(x for x, _ in corners) - left, max(y for _, y in corners) - top
    x, y = page.evaluate(_AT, point)
    return (x - left) / width * SIDE, (y - top) / height * SIDE


_VIEWPORT = "const { viewport } = window.cornerstone.getEnabledElements()[0];"
_AT_REST = """() => {
    const viewport = window.cornerstone?.getEnabledElements()[0]?.viewport;
    const image = viewport?.csImage;
    if (!image || image.imageId !== viewport.getCurrentImageId()) return false;
    const { voiRange } = viewport.getProperties();
    const look = JSON.stringify([voiRange, viewport.getCamera(), viewport.canvas.clientWidth]);
    window.alike = look === window.looked ? (window.alike ?? 0) + 1 : 0;
    window.looked = look;
    return Boolean(voiRange) && window.alike > 20;
}"""
"""Polled at each picture of the screen."""
_LOOK = f"""() => {{
    {_VIEWPORT}
    const {{ voiRange, invert }} = viewport.getProperties();
    const text = [...document.querySelectorAll('svg.quang-presentation text')].map(each => each.textContent);
    return {{ window: {{ ...voiRange }}, invert: Boolean(invert), text }};
}}"""
_AT = f"""([column, row]) => {{
    {_VIEWPORT}
    const {{ imageData }} = viewport.getImageData();
    return [...viewport.worldToCanvas(imageData.indexToWorld([column - 0.5, row - 0.5, 0]))];
}}"""
_SIZE = f"() => {{ {_VIEWPORT} return [viewport.canvas.clientWidth, viewport.canvas.clientHeight]; }}"
_FIRST_SHAPE = """() => {
    const { x, y, width, height } = document.querySelector('svg.quang-presentation path:not(.shutter)').getBBox();
    return { x, y, width, height };
}"""
