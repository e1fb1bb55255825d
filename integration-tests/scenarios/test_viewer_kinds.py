"""Every kind of object that the archive keeps opens in the viewer, or is named as one that does not (M2, M3, D2, P5).

The objects are pydicom's and built ones, and one of each kind of a corpus where there is one (``QUANG_CORPUS``).
Pictures of all are kept in ``QUANG_SCREENSHOTS``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from playwright.sync_api import Browser, Page
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_testing.backends import RunningSuite
from ris_testing.built_overlays import a_volume_with_overlays
from ris_testing.dicom_files import a_video
from ris_testing.pet_ct import pet_and_ct
from ris_testing.viewer_examples import Example, at_hand, corpus_example, of_corpus
from ris_testing.viewing import open_viewer, photograph
from ris_testing.volumes import a_volume
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

BATCH: Final = 24
_FOUND: Final = of_corpus()
OF_CORPUS: Final = [_FOUND[at : at + BATCH] for at in range(0, len(_FOUND), BATCH)]


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def test_every_kind_at_hand_is_drawn_or_named(suite: RunningSuite, browser: Browser, engine: Engine) -> None:
    study_uid = str(generate_uid())
    look_at(browser, suite, engine, study_uid, list(at_hand(study_uid)))


if OF_CORPUS:

    @pytest.mark.parametrize("paths", OF_CORPUS, ids=lambda paths: paths[0].stem[:30])
    def test_every_kind_of_a_corpus_is_drawn_or_named(
        suite: RunningSuite, browser: Browser, engine: Engine, paths: Sequence[Path]
    ) -> None:
        study_uid = str(generate_uid())
        look_at(browser, suite, engine, study_uid, [one for path in paths if (one := corpus_example(path, study_uid))])

    def test_a_video_plays(suite: RunningSuite, browser: Browser, engine: Engine) -> None:
        clip = next(Path(os.environ["QUANG_CORPUS"]).rglob("scope_h264_640x480_3s.mp4"))
        file = a_video(clip.read_bytes())
        engine.store_instance(file)
        study_uid = str(pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).StudyInstanceUID)
        with open_viewer(browser, suite, study_uid) as (page, errors):
            page.wait_for_function(_PAINTED)
            photograph(page, "video")
        assert errors == []


def look_at(browser: Browser, suite: RunningSuite, engine: Engine, study_uid: str, examples: Sequence[Example]) -> None:
    """Store the examples, show them one after another in one page, and tell all that are neither drawn nor named."""
    stored = [example for example in examples if _stored(engine, example)]
    wrong: list[str] = []
    with open_viewer(browser, suite, study_uid) as (page, errors):
        page.wait_for_selector("[data-cy=viewport-pane]", state="attached")
        page.wait_for_function(_ALL_HERE, arg=[example.series_uid for example in stored])
        for example in stored:
            outcome = show(page, example)
            photograph(page, f"kind-{example.name}")
            expected = ("drawn", "told") if example.drawn is None else ("drawn" if example.drawn else "told",)
            if outcome not in expected and example.name not in BLACK:
                wrong.append(f"{example.name}: {outcome}, not {' or '.join(expected)}; {page.evaluate(_SEEN)}")
            wrong.extend(f"{example.name}: {error}" for error in errors)
            errors.clear()
    assert wrong == []


def show(page: Page, example: Example) -> str:
    """``drawn``, ``told`` (named in the box of what is not drawn), or ``nothing`` after a while."""
    outcome: Any = page.evaluate(_SHOW, {"series": example.series_uid, "uniform": example.uniform, "patience": 20_000})
    return str(outcome)


BLACK: Final = {"encaps_garbage_codestream.dcm"}
"""Damaged so that the decoder makes black of it and no error: no viewer can know."""


def _stored(engine: Engine, example: Example) -> bool:
    """Whether the archive took it: what it cannot parse it refuses, and then no viewer sees it."""
    try:
        engine.store_instance(example.file)
    except EngineFailed:
        assert example.drawn is None, example.name
        return False
    return True


_ALL_HERE = """wanted => {
    const sets = window.services ? window.services.displaySetService.getActiveDisplaySets() : [];
    const told = [...document.querySelectorAll('#quang-told li')].map(line => line.dataset.series);
    return wanted.every(series => sets.some(set => set.SeriesInstanceUID === series) || told.includes(series));
}"""
_SEEN = """() => [...document.querySelectorAll('[data-cy=viewport-pane]')].map(pane => pane.innerText.slice(0, 200))"""
_SHOW = """async ({ series, uniform, patience }) => {
    const { displaySetService, viewportGridService, hangingProtocolService } = window.services;
    const sets = displaySetService.getActiveDisplaySets().filter(set => set.SeriesInstanceUID === series);
    const listed = sets.flatMap(each => each.instances || []).map(each => each.SOPInstanceUID); // presentation states
    const told = () =>
        [...document.querySelectorAll('#quang-told li')].some(line => line.dataset.series === series) ||
        [...document.querySelectorAll('#quang-states option')].some(state => listed.includes(state.value));
    const set = sets.find(each => !each.unsupported);
    const id = viewportGridService.getActiveViewportId();
    const shown = () => window.services.cornerstoneViewportService.getCornerstoneViewport(id);
    const moment = () => new Promise(resolve => setTimeout(resolve, 50));
    function settled() { // the viewer mislays the camera of a stack that is asked for while the one before still comes
        const [asked] = viewportGridService.getState().viewports.get(id).displaySetInstanceUIDs;
        const before = displaySetService.getDisplaySetByUID(asked);
        if (!before || /dicom-pdf|dicom-sr/.test(before.SOPClassHandlerId)) return true;
        const viewport = shown();
        if (!viewport || viewport.type !== 'stack') return Boolean(viewport);
        return Boolean(viewport.csImage) && viewport.csImage.imageId.includes(before.SeriesInstanceUID);
    }
    for (const begun = performance.now(); !settled() && performance.now() < begun + 3000; ) await moment();
    if (set) {
        const changed = hangingProtocolService.getViewportsRequireUpdate(id, set.displaySetInstanceUID);
        viewportGridService.setDisplaySetsForViewports(changed);
    }
    const colours = canvas => {
        const copy = document.createElement('canvas');
        copy.width = copy.height = 64;
        const context = copy.getContext('2d');
        if (canvas.width < 100 || canvas.height < 100) return 0;
        context.drawImage(canvas, 0, 0, 64, 64);
        return new Set(new Uint32Array(context.getImageData(0, 0, 64, 64).data.buffer)).size;
    };
    function drawn() {
        const state = viewportGridService.getState().viewports.get(id);
        if (!set || !state || !state.displaySetInstanceUIDs.includes(set.displaySetInstanceUID)) return false;
        const pane = document.querySelector('[data-cy=viewport-pane]');
        const handler = set.SOPClassHandlerId;
        if (/dicom-pdf/.test(handler)) {
            const pages = [...pane.querySelectorAll('object, embed, iframe')];
            return pages.some(page => (page.data || page.src || '').includes(series));
        }
        if (/dicom-sr/.test(handler)) return pane.innerText.trim().length > 20;
        const viewport = shown();
        const painted = [...pane.querySelectorAll('canvas')].some(canvas => colours(canvas) > (uniform ? 0 : 2));
        if (!viewport || !painted) return false;
        if (viewport.type !== 'stack') return ['ecg', 'wholeSlide', 'video'].includes(viewport.type);
        return Boolean(viewport.csImage) && viewport.csImage.imageId.includes(series);
    }
    const until = performance.now() + patience;
    while (performance.now() < until) {
        if (drawn()) return 'drawn';
        if (told()) return 'told';
        await moment();
    }
    return 'nothing';
}"""


_PAINTED = """() => [...document.querySelectorAll('canvas')].some(canvas => {
    if (canvas.width < 200 || canvas.height < 200) return false;
    const copy = document.createElement('canvas');
    copy.width = copy.height = 64;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0, 64, 64);
    const pixels = context.getImageData(0, 0, 64, 64).data;
    const seen = new Set();
    for (let at = 0; at < pixels.length; at += 4) seen.add(pixels[at] + 256 * pixels[at + 1] + 65536 * pixels[at + 2]);
    return seen.size > 2;
})"""


def test_planes_and_thick_slabs_of_a_volume_are_one_press_away(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    study_uid = a_volume(engine)
    with open_viewer(browser, suite, study_uid) as (page, errors):
        page.wait_for_selector("canvas")
        page.wait_for_function(_PAINTED)
        page.click("[data-cy=Reformat-split-button-secondary]")
        page.click("[data-cy=QuangMIP]")
        page.wait_for_function(f"({_BLEND})() === window.cornerstone.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND")
        photograph(page, "reformat-mip")
        page.click("[data-cy=Reformat-split-button-secondary]")
        page.click("[data-cy=QuangMinIP]")
        page.wait_for_function(f"({_BLEND})() === window.cornerstone.Enums.BlendModes.MINIMUM_INTENSITY_BLEND")
    assert errors == []


@pytest.mark.parametrize(("language", "words"), [("vi", "Đo dài"), ("en-US", "Length")])
def test_the_viewer_speaks_the_language_that_it_is_opened_in(
    suite: RunningSuite, browser: Browser, engine: Engine, language: str, words: str
) -> None:
    with open_viewer(browser, suite, a_volume(engine), language) as (page, _errors):
        page.wait_for_selector("canvas")
        page.click("[data-cy=MeasurementTools-split-button-secondary]")
        page.wait_for_selector(f"text={words}")
        photograph(page, f"language-{language}")


_BLEND = """() => {
    const { viewportGridService, cornerstoneViewportService } = window.services;
    const viewports = [...viewportGridService.getState().viewports.keys()]
        .map(id => cornerstoneViewportService.getCornerstoneViewport(id))
        .filter(viewport => viewport && viewport.type === 'orthographic');
    return viewports.length ? viewports[0].getBlendMode() : undefined;
}"""


def test_pet_and_ct_are_fused(suite: RunningSuite, browser: Browser, engine: Engine) -> None:
    """By one press; the spot lies where the CT has its place, whatever grid the PET has, in standard uptake values."""
    exam = pet_and_ct(engine)
    with open_viewer(browser, suite, exam.study_uid) as (page, errors):
        page.wait_for_function(_PAINTED)
        page.click("[data-cy=Reformat-split-button-secondary]")
        page.click("[data-cy=QuangFusion]")
        page.wait_for_url("**/tmtv?*")
        page.wait_for_function(_FUSED)
        where = {"spot": exam.spot, "elsewhere": exam.elsewhere}
        page.wait_for_function(_SPOT_IS_WHERE_IT_IS, arg=where)
        photograph(page, "pet-ct-fused")
        assert page.evaluate(_UPTAKE, exam.spot) == pytest.approx(exam.spot_suv, rel=0.01)
    assert errors == []


_FUSED_AXIAL = """() => {
    const { viewportGridService, cornerstoneViewportService } = window.services;
    return [...viewportGridService.getState().viewports.keys()]
        .map(id => cornerstoneViewportService.getCornerstoneViewport(id))
        .find(viewport => viewport && viewport.type === 'orthographic' && viewport.getAllVolumeIds().length === 2 &&
            Math.abs(viewport.getCamera().viewPlaneNormal[2]) > 0.99);
}"""
_SPOT_IS_WHERE_IT_IS = f"""({{ spot, elsewhere }}) => {{
    const viewport = ({_FUSED_AXIAL})();
    if (!viewport) return false;
    const {{ position, focalPoint }} = viewport.getCamera();
    const further = spot[2] - focalPoint[2];
    if (Math.abs(further) > 0.01) {{
        const moved = point => [point[0], point[1], point[2] + further];
        viewport.setCamera({{ position: moved(position), focalPoint: moved(focalPoint) }});
        viewport.render();
        return false;
    }}
    const {{ canvas }} = viewport;
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const colour = world => {{
        const [x, y] = viewport.worldToCanvas(world).map(at => Math.round(at * canvas.width / canvas.clientWidth));
        const [red, green, blue] = context.getImageData(x, y, 1, 1).data;
        return Math.max(red, green, blue) - Math.min(red, green, blue);
    }};
    return colour(spot) > 40 && colour(elsewhere) < colour(spot) / 2;
}}"""
_UPTAKE = f"""spot => {{
    const pet = ({_FUSED_AXIAL})().getAllVolumeIds().map(id => window.cornerstone.cache.getVolume(id))
        .find(volume => volume.metadata.Modality === 'PT');
    return pet.voxelManager.getAtIJK(...pet.imageData.worldToIndex(spot).map(Math.round));
}}"""
_FUSED = """() => {
    const { viewportGridService, cornerstoneViewportService } = window.services || {};
    if (!viewportGridService || !document.querySelector('[data-cy=viewport-pane]')) return false;
    const viewports = [...viewportGridService.getState().viewports.keys()]
        .map(id => cornerstoneViewportService.getCornerstoneViewport(id))
        .filter(viewport => viewport && viewport.type === 'orthographic');
    return viewports.some(viewport => {
        const layers = viewport.getActors().map(({ referencedId, uid }) => referencedId || uid);
        if (new Set(layers).size < 2) return false;
        const { canvas } = viewport;
        const copy = document.createElement('canvas');
        copy.width = copy.height = 64;
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0, 64, 64);
        const pixels = context.getImageData(0, 0, 64, 64).data;
        let coloured = 0; // CT is grey: what has a colour is PET over it
        for (let at = 0; at < pixels.length; at += 4) {
            const light = pixels.slice(at, at + 3);
            if (Math.max(...light) - Math.min(...light) > 20) coloured += 1;
        }
        return coloured > 50;
    });
}"""


def test_a_length_on_an_ultrasound_image_is_counted_by_the_region_of_its_device(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    """A device's image without pixel spacing, whose regions say what a pixel is (PS3.3 C.8.5.5)."""
    image = pydicom.dcmread(str(get_testdata_file("examples_palette.dcm")))
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file = io.BytesIO()
    image.save_as(file)
    engine.store_instance(file.getvalue())
    region = image.SequenceOfUltrasoundRegions[0]
    assert (region.PhysicalUnitsXDirection, region.RegionSpatialFormat) == (3, 1)  # centimetres, two dimensions
    with open_viewer(browser, suite, str(image.StudyInstanceUID)) as (page, errors):
        page.wait_for_function(_PAINTED)
        page.click("[data-cy=MeasurementTools-split-button-primary]")
        (left, top), (right, bottom) = page.evaluate(_ON_PAGE, [[300, 200], [500, 300]])
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=5)
        page.mouse.move(right, bottom, steps=5)
        page.mouse.up()
        wanted = pytest.approx((200**2 + 100**2) ** 0.5 * region.PhysicalDeltaX * 10, rel=0.02)
        wait_until(lambda: _millimetres(page) == wanted, "the length is counted by the region")
        photograph(page, "ultrasound-length")
    assert errors == []


def _millimetres(page: Page) -> float | None:
    """The one length that is measured, as the viewer tells it."""
    told: list[str] = page.evaluate(_LENGTHS)
    if len(told) != 1:
        return None
    value, unit = told[0].split()[:2]
    return float(value) * {"mm": 1, "cm": 10}[unit]


_ON_PAGE = """points => {
    const { viewportGridService, cornerstoneViewportService } = window.services;
    const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
    const { left, top } = viewport.canvas.getBoundingClientRect();
    return points.map(point => {
        const world = window.cornerstone.utilities.imageToWorldCoords(viewport.getCurrentImageId(), point);
        const [x, y] = viewport.worldToCanvas(world);
        return [left + x, top + y];
    });
}"""
_LENGTHS = """() => window.services.measurementService.getMeasurements()
    .flatMap(each => each.displayText.primary || each.displayText).filter(Boolean)"""


@pytest.mark.parametrize("overlay", ["SEG", "RTSTRUCT"])
def test_segmentations_and_structures_lie_over_their_images(
    suite: RunningSuite, browser: Browser, engine: Engine, overlay: str
) -> None:
    with open_viewer(browser, suite, a_volume_with_overlays(engine, overlay)) as (page, errors):
        page.wait_for_selector("[data-cy=viewport-pane]")
        page.wait_for_function(_HAS, arg=overlay)
        page.evaluate(_OPEN, overlay)
        page.wait_for_function(_COLOURED)
        photograph(page, f"overlay-{overlay}")
    assert errors == []


_HAS = "modality => window.services.displaySetService.getActiveDisplaySets().some(set => set.Modality === modality)"
_OPEN = """modality => {
    const { displaySetService, viewportGridService, hangingProtocolService } = window.services;
    const set = displaySetService.getActiveDisplaySets().find(each => each.Modality === modality);
    const id = viewportGridService.getActiveViewportId();
    const changed = hangingProtocolService.getViewportsRequireUpdate(id, set.displaySetInstanceUID);
    viewportGridService.setDisplaySetsForViewports(changed);
}"""
_COLOURED = """() => {
    const surfaces = [...document.querySelectorAll('[data-cy=viewport-pane] canvas')];
    const contours = [...document.querySelectorAll('[data-cy=viewport-pane] svg path')]
        .filter(path => /rgba?.255, 64, 64/i.test(path.getAttribute('stroke') || ''));
    return contours.length > 0 || surfaces.some(canvas => {
        const copy = document.createElement('canvas');
        copy.width = copy.height = 64;
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0, 64, 64);
        const pixels = context.getImageData(0, 0, 64, 64).data;
        let coloured = 0;
        for (let at = 0; at < pixels.length; at += 4) {
            const light = pixels.slice(at, at + 3);
            if (Math.max(...light) - Math.min(...light) > 20) coloured += 1;
        }
        return coloured > 50;
    });
}"""
