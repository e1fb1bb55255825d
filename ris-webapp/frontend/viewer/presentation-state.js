/**
 * An extension of OHIF: softcopy presentation states (PS3.3 A.33.1, A.33.2). The states of the open studies are listed
 * over the images; the chosen one holds wherever an image is shown that it refers to: window, inversion, turn and flip,
 * displayed area, shutters, graphics and text. What it has beyond that is named beside it. Stacks only.
 *
 * window.quangViewer.drawPresentation (presentation-graphics.js) draws.
 */
(function () {
  const STORAGE = '1.2.840.10008.5.1.4.1.1.11.';
  /** Greyscale and colour softcopy presentation states. */
  const CLASSES = [STORAGE + '1', STORAGE + '2'];
  const LOOKS = 100;
  const LOOK_MS = 200;
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const say = (vi, en) => (vietnamese ? vi : en);
  const NONE = say('Không áp dụng', 'None');
  const TITLE = say('Trạng thái trình bày', 'Presentation state');
  /** Parts of a state that are not applied: by the element that has them. */
  const LEFT_OUT = [
    ['ModalityLUTSequence', say('bảng tra Modality LUT', 'modality LUT')],
    ['PresentationLUTSequence', say('bảng tra Presentation LUT', 'presentation LUT')],
    ['MaskSubtractionSequence', say('trừ nền (DSA)', 'mask subtraction')],
    ['BitmapDisplayShutter', say('màn che dạng ảnh bit', 'bitmap shutter')],
    ['OverlayActivationLayer', say('lớp phủ ảnh bit', 'bitmap overlay')],
    ['CompoundGraphicSequence', say('hình ghép', 'compound graphics')],
    ['ICCProfile', say('hồ sơ màu ICC', 'ICC profile')],
  ];
  const kept = new WeakMap();
  let services;
  let chosen = null;

  const many = value => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
  const items = sequence => many(sequence).filter(Boolean);
  const numbers = value => (typeof value === 'string' ? value.split('\\') : Array.from(many(value))).map(Number);

  /** Series, instance and frame of a WADO-RS image id. */
  function placeOf(imageId) {
    const match = /\/series\/([0-9.]+)\/instances\/([0-9.]+)(?:\/frames\/(\d+))?/.exec(imageId || '');
    return match && { series: match[1], instance: match[2], frame: Number(match[3] || 1) };
  }

  function names(images, place) {
    return images.some(image => {
      const frames = numbers(image.ReferencedFrameNumber);
      return image.ReferencedSOPInstanceUID === place.instance && (frames.length === 0 || frames.includes(place.frame));
    });
  }

  const references = state => items(state.ReferencedSeriesSequence).flatMap(series => items(series.ReferencedImageSequence));

  /** The items of a sequence that hold for the image: those that name it, and those that name none. */
  function holding(sequence, place) {
    return items(sequence).filter(item => {
      const images = items(item.ReferencedImageSequence);
      return images.length === 0 || names(images, place);
    });
  }

  function states() {
    const sets = services.displaySetService.getActiveDisplaySets();
    return sets.flatMap(set => (CLASSES.includes(set.SOPClassUID) ? many(set.instances) : []));
  }

  function titleOf(state) {
    const said = [state.ContentLabel, state.ContentDescription].filter(Boolean);
    return said.filter((word, at) => said.indexOf(word) === at).join(' – ') || TITLE;
  }

  function leftOut(state) {
    const found = LEFT_OUT.filter(([keyword]) => {
      const within = items(state.GraphicAnnotationSequence).some(item => item[keyword] !== undefined);
      const shutter = keyword === 'BitmapDisplayShutter' && many(state.ShutterShape).includes('BITMAP');
      return within || shutter || Object.keys(state).some(name => name.endsWith(keyword)); // overlays are numbered
    }).map(([, words]) => words);
    if (items(state.SoftcopyVOILUTSequence).some(item => item.VOILUTSequence && item.WindowCenter === undefined)) found.push(say('bảng tra VOI LUT', 'VOI LUT'));
    if (items(state.DisplayedAreaSelectionSequence).some(item => item.PresentationSizeMode === 'TRUE SIZE')) found.push(say('cỡ thật', 'true size'));
    return found;
  }

  // ---- applying ----

  /** The state's window in the units that the viewer shows the image in (PS3.4 N.2.1: the state's rescale replaces the image's). */
  function windowOf(state, place, viewport) {
    const voi = holding(state.SoftcopyVOILUTSequence, place).find(item => item.WindowCenter !== undefined);
    const image = viewport.csImage;
    if (!voi || image.color || state.ModalityLUTSequence) return {}; // a table's output is not what the viewer has
    const VOILUTFunction = voi.VOILUTFunction || 'LINEAR';
    const [center] = numbers(voi.WindowCenter);
    const [width] = numbers(voi.WindowWidth);
    const { lower, upper } = window.cornerstone.utilities.windowLevel.toLowHighRange(width, center, VOILUTFunction);
    const scaling = image.preScale && image.preScale.scaled && image.preScale.scalingParameters;
    const suv = (scaling && scaling.suvbw) || 1;
    const { slope = 1, intercept = 0 } = image;
    const ours = value => (((value - Number(state.RescaleIntercept ?? 0)) / Number(state.RescaleSlope ?? 1)) * slope + intercept) * suv;
    return { VOILUTFunction, voiRange: { lower: ours(lower), upper: ours(upper) } };
  }

  /** Where a position in the image is on the canvas; (0, 0) is the outer corner of its first pixel (PS3.3 C.10.5.1.2). */
  function mapOf(viewport) {
    const { imageData } = viewport.getImageData();
    return ([column, row]) => viewport.worldToCanvas(imageData.indexToWorld([column - 0.5, row - 0.5, 0]));
  }

  function corners(area) {
    const [left, top] = numbers(area.DisplayedAreaTopLeftHandCorner);
    const [right, bottom] = numbers(area.DisplayedAreaBottomRightHandCorner);
    // pixels are counted from 1 and both belong to the area; after a turn the first may be the larger
    return [
      [Math.min(left, right) - 1, Math.min(top, bottom) - 1],
      [Math.max(left, right), Math.max(top, bottom)],
    ];
  }

  /** The rectangle on the canvas that the state's displayed area fills now: left, top, right, bottom. */
  function areaOnCanvas(state, place, viewport) {
    const image = viewport.csImage;
    const area = holding(state.DisplayedAreaSelectionSequence, place)[0];
    const map = mapOf(viewport);
    const [from, to] = area ? corners(area) : [[0, 0], [image.columns, image.rows]];
    const [a, b] = [map(from), map(to)];
    return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  }

  function fit(state, place, viewport) {
    const area = holding(state.DisplayedAreaSelectionSequence, place)[0];
    if (!area) return;
    const { clientWidth: width, clientHeight: height } = viewport.canvas;
    const [left, top, right, bottom] = areaOnCanvas(state, place, viewport);
    let factor = Math.min(width / (right - left), height / (bottom - top));
    if (area.PresentationSizeMode === 'MAGNIFY') {
      const [from, to] = corners(area);
      const map = mapOf(viewport);
      const span = Math.hypot(map([to[0], from[1]])[0] - map(from)[0], map([to[0], from[1]])[1] - map(from)[1]);
      factor = (Number(area.PresentationPixelMagnificationRatio) || 1) * ((to[0] - from[0]) / span);
    }
    viewport.setZoom(viewport.getZoom() * factor);
    const now = areaOnCanvas(state, place, viewport);
    const [x, y] = viewport.getPan();
    viewport.setPan([x + width / 2 - (now[0] + now[2]) / 2, y + height / 2 - (now[1] + now[3]) / 2]);
  }

  function apply(state, place, viewport) {
    const turned = items(state.SpatialTransformationSequence)[0] || state;
    const shape = viewport.csImage.color ? undefined : state.PresentationLUTShape;
    viewport.setProperties({ ...windowOf(state, place, viewport), ...(shape && { invert: shape === 'INVERSE' }) });
    viewport.resetCamera();
    const flipHorizontal = turned.ImageHorizontalFlip === 'Y';
    // turned first, then flipped (PS3.3 C.10.6): seen from the front, a flip afterwards turns the other way round
    viewport.setCamera({ flipHorizontal, flipVertical: false });
    const degrees = Number(turned.ImageRotation) || 0;
    viewport.setRotation(flipHorizontal ? (360 - degrees) % 360 : degrees);
    fit(state, place, viewport);
  }

  /** As it was before, unless other images have come into the viewport since. */
  function restore(viewport, before) {
    if (viewport.getImageIds()[0] !== before.stack) return;
    viewport.setProperties(before.properties);
    viewport.setCamera(before.camera);
  }

  /** Makes one viewport as the chosen state has it, or as it was, and draws what lies over it. */
  function refresh(viewport) {
    if (!viewport || viewport.type !== 'stack' || !viewport.csImage) return;
    const place = placeOf(viewport.getCurrentImageId());
    // the new image's pixels come a moment after its id
    if (place && viewport.csImage.imageId !== viewport.getCurrentImageId()) return;
    const holds = chosen && place && names(references(chosen), place);
    const key = holds ? `${chosen.SOPInstanceUID} ${viewport.getCurrentImageId()}` : '';
    const before = kept.get(viewport.element);
    if ((before ? before.key : '') !== key) {
      if (before) restore(viewport, before);
      kept.delete(viewport.element);
      if (holds) {
        const { voiRange, invert, VOILUTFunction } = viewport.getProperties();
        kept.set(viewport.element, { key, stack: viewport.getImageIds()[0], properties: { voiRange, invert, VOILUTFunction }, camera: viewport.getCamera() });
        apply(chosen, place, viewport);
      }
      viewport.render();
    }
    const drawn = holds && { shutter: chosen, annotations: holding(chosen.GraphicAnnotationSequence, place), layers: items(chosen.GraphicLayerSequence), area: areaOnCanvas(chosen, place, viewport) };
    window.quangViewer.drawPresentation(viewport.element, drawn, mapOf(viewport));
  }

  function shownViewports() {
    const { viewportGridService, cornerstoneViewportService } = services;
    return [...viewportGridService.getState().viewports.keys()].map(id => cornerstoneViewportService.getCornerstoneViewport(id));
  }

  /** Puts the first image that the state refers to into the active viewport, unless one is shown already. */
  function bring(state, looks = LOOKS) {
    const images = references(state);
    const shown = shownViewports().find(viewport => viewport && viewport.type === 'stack' && names(images, placeOf(viewport.getCurrentImageId()) || {}));
    if (shown || chosen !== state) return;
    const { viewportGridService, hangingProtocolService, displaySetService, cornerstoneViewportService } = services;
    const has = set => many(set.images).findIndex(image => names(images, placeOf(image.imageId) || { instance: image.SOPInstanceUID, frame: 1 }));
    const set = displaySetService.getActiveDisplaySets().find(each => has(each) >= 0);
    if (!set || looks === 0) {
      services.uiNotificationService.show({ title: TITLE, message: say('Ảnh mà trạng thái này nói tới không có ở đây.', 'The images of this state are not here.'), type: 'error', duration: 5000 });
      return;
    }
    const active = viewportGridService.getActiveViewportId();
    if (looks === LOOKS) viewportGridService.setDisplaySetsForViewports(hangingProtocolService.getViewportsRequireUpdate(active, set.displaySetInstanceUID));
    const viewport = cornerstoneViewportService.getCornerstoneViewport(active);
    const at = viewport && viewport.type === 'stack' ? viewport.getImageIds().findIndex(id => names(images, placeOf(id) || {})) : -1;
    if (at >= 0) void viewport.setImageIdIndex(at);
    else setTimeout(() => bring(state, looks - 1), LOOK_MS);
  }

  // ---- choosing ----

  let bar;

  function choose(uid) {
    chosen = states().find(state => state.SOPInstanceUID === uid) || null;
    const missing = chosen ? leftOut(chosen) : [];
    bar.querySelector('output').textContent = missing.length ? `${say('Không áp dụng được', 'Not applied')}: ${missing.join(', ')}` : '';
    shownViewports().forEach(refresh);
    if (chosen) bring(chosen);
  }

  function list() {
    const found = states();
    if (!found.length) return;
    if (!bar) {
      bar = document.createElement('div');
      bar.id = 'quang-states';
      bar.innerHTML = '<label><span></span> <select></select></label> <output></output>';
      bar.querySelector('span').textContent = TITLE;
      bar.querySelector('select').addEventListener('change', event => choose(event.target.value));
      document.body.append(bar);
    }
    const select = bar.querySelector('select');
    select.replaceChildren(new Option(NONE, ''), ...found.map(state => new Option(titleOf(state), state.SOPInstanceUID)));
    select.value = chosen ? chosen.SOPInstanceUID : '';
  }

  window.quangViewer.presentationStates = CLASSES;
  window.quangViewer.extensions.push({
    id: 'quang.presentation-states',
    preRegistration({ servicesManager }) {
      services = servicesManager.services;
      const { displaySetService } = services;
      displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, () => setTimeout(list));
      const { eventTarget, Enums, getEnabledElement } = window.cornerstone;
      eventTarget.addEventListener(Enums.Events.ELEMENT_ENABLED, ({ detail }) => {
        detail.element.addEventListener(Enums.Events.IMAGE_RENDERED, () => {
          const enabled = (chosen || kept.has(detail.element)) && getEnabledElement(detail.element);
          if (enabled) refresh(enabled.viewport);
        });
      });
    },
    onModeExit() {
      chosen = null;
      if (bar) bar.remove();
      bar = undefined;
    },
  });
})();
