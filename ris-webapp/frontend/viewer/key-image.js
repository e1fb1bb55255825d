/**
 * An extension of OHIF: the image that the reader sees, as it is seen, goes to the reading page as a key image; and the
 * page learns what has been measured. The two talk over a channel of this origin; frontend/src/reading/key-images.ts
 * speaks the same words. Nothing is sent to a server here: the page does that, with its user's rights.
 */
(function () {
  const CHANNEL = 'quang-viewer';
  const beside = window.parent !== window;
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const words = vietnamese
    ? { title: 'Ảnh chính', hint: 'Giữ ảnh này, như đang thấy, cho kết quả', none: 'Khung này là ảnh dựng lại (MPR, MIP, 3D) hoặc chồng hình, không phải ảnh đã lưu. Mở nút dựng hình, chọn “Ảnh gốc”, tới lát cần giữ rồi giữ lại.' }
    : { title: 'Key image', hint: 'Keep this image, as it is seen, for the report', none: 'This field shows a reformatted plane, a slab, a volume or a fusion, not a stored image. Choose “Stored images” in the reformat button, go to the slice and keep it again.' };
  /** What the report calls a tool's measurement; others go by the viewer's name. */
  const measured = vietnamese
    ? { Length: 'Độ dài', Bidirectional: 'Hai chiều', Angle: 'Góc', CobbAngle: 'Góc Cobb', EllipticalROI: 'Vùng elip', CircleROI: 'Vùng tròn', RectangleROI: 'Vùng chữ nhật', PlanarFreehandROI: 'Vùng tự do', SplineROI: 'Vùng tự do', LivewireContour: 'Vùng tự do', ArrowAnnotate: 'Ghi chú', Probe: 'Điểm' }
    : {};
  const channel = new BroadcastChannel(CHANNEL);
  let services;

  /** Study, series, instance and frame of a WADO-RS image id. */
  function placeOf(imageId) {
    const match = /\/studies\/([0-9.]+)\/series\/([0-9.]+)\/instances\/([0-9.]+)(?:\/frames\/(\d+))?/.exec(imageId || '');
    return match && { study: match[1], series: match[2], instance: match[3], frame: Number(match[4] || 1) };
  }

  /** Corners of the viewport in pixels of the image, where (0, 0) is the outer corner of its first pixel. */
  function viewOf(viewport) {
    const { imageData } = viewport.getImageData() || {};
    const canvas = viewport.canvas;
    if (!imageData || !canvas.clientWidth || !canvas.clientHeight) return null;
    const at = (x, y) => {
      const index = imageData.worldToIndex(viewport.canvasToWorld([x, y]));
      return [index[0] + 0.5, index[1] + 0.5];
    };
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    return { top_left: at(0, 0), top_right: at(width, 0), bottom_left: at(0, height), width, height };
  }

  function windowOf(viewport) {
    const { voiRange } = viewport.getProperties();
    const image = viewport.csImage;
    if (!voiRange || (image && image.color)) return null;
    // PET is shown in SUV; the server windows in the image's own units
    const scaling = image && image.preScale && image.preScale.scaled && image.preScale.scalingParameters;
    const factor = (scaling && scaling.suvbw) || 1;
    return { lower: voiRange.lower / factor, upper: voiRange.upper / factor };
  }

  /** A volume shows a stored image only in the plane in which it was acquired, alone, and not as a slab of several. */
  function isStoredSlice(viewport) {
    if (viewport.type !== 'orthographic' || !viewport.isInAcquisitionPlane || !viewport.isInAcquisitionPlane()) return false;
    return viewport.getAllVolumeIds().length === 1 && viewport.getBlendMode() === window.cornerstone.Enums.BlendModes.COMPOSITE;
  }

  function shownImage() {
    const { viewportGridService, cornerstoneViewportService } = services;
    const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
    if (!viewport || typeof viewport.getCurrentImageId !== 'function') return null;
    const isStack = viewport.type === 'stack';
    if (!isStack && !isStoredSlice(viewport)) return null;
    const place = placeOf(viewport.getCurrentImageId());
    if (!place) return null;
    const image = viewport.csImage;
    // a MONOCHROME1 image is shown inverted to begin with
    const startsInverted = Boolean(image && image.photometricInterpretation === 'MONOCHROME1');
    const inverted = Boolean(viewport.getProperties().invert) !== startsInverted;
    return { ...place, window: windowOf(viewport), inverted, view: isStack ? viewOf(viewport) : null };
  }

  function choose() {
    const image = shownImage();
    if (!image) {
      channel.postMessage({ say: 'no-image', text: words.none });
      if (!beside) notify(false, words.none);
      return;
    }
    channel.postMessage({ say: 'key-image', id: `${Date.now()}-${Math.random().toString(36).slice(2)}`, image });
  }

  function notify(ok, message) {
    services.uiNotificationService.show({ title: words.title, message, type: ok ? 'success' : 'error', duration: 4000 });
  }

  function openStudies() {
    return services.displaySetService.getActiveDisplaySets().map(set => set.StudyInstanceUID);
  }

  /** `Length: 12.3 mm` of every measurement there is now. */
  function tellMeasurements() {
    const measurements = services.measurementService.getMeasurements();
    const lines = measurements.map(({ label, displayText, toolName }) => {
      const primary = Array.isArray(displayText) ? displayText : (displayText && displayText.primary) || [];
      const value = primary.filter(Boolean).join('; ');
      return [label || measured[toolName] || toolName, value].filter(Boolean).join(': ');
    });
    const studies = [...new Set(measurements.map(measurement => measurement.referenceStudyUID))];
    channel.postMessage({ say: 'measurements', studies: studies.length ? studies : openStudies(), lines });
  }

  channel.addEventListener('message', ({ data }) => {
    if (!services || !data) return;
    if (data.say === 'choose' && openStudies().some(study => data.studies.includes(study))) choose();
  });

  const extension = {
    id: 'quang.key-images',
    preRegistration({ servicesManager }) {
      services = servicesManager.services;
    },
    getCommandsModule: () => ({
      actions: { quangKeyImage: choose },
      definitions: { quangKeyImage: { commandFn: choose } },
      defaultContext: 'DEFAULT',
    }),
    onModeEnter() {
      const { measurementService } = services;
      const { MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED, MEASUREMENTS_CLEARED } = measurementService.EVENTS;
      let soon;
      for (const event of [MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED, MEASUREMENTS_CLEARED]) {
        measurementService.subscribe(event, () => {
          clearTimeout(soon);
          soon = setTimeout(tellMeasurements, 300); // a drag updates many times a second
        });
      }
    },
  };

  window.quangViewer.extensions.push(extension);
  if (beside) {
    window.quangViewer.buttons.push({
      id: 'KeyImage',
      uiType: 'ohif.toolButton',
      props: { icon: 'tool-capture', label: words.title, tooltip: words.hint, commands: 'quangKeyImage', evaluate: 'evaluate.action' },
    });
    window.quangViewer.primary.push('KeyImage');
  }
})();
