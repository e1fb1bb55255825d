/**
 * An extension of OHIF: what it cannot draw, or draws wrongly, is told by name instead of leaving a black field; where
 * the server can make a picture of it, that picture is one press away.
 */
(function () {
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const say = (vi, en) => (vietnamese ? vi : en);
  const STORAGE = '1.2.840.10008.5.1.4.1.1.';
  /** Retired ultrasound and nuclear medicine classes: plain images, which old devices still send. */
  const ALSO_IMAGES = ['3', '5', '6'].map(end => STORAGE + end);
  const NOT_DRAWN = [
    ['11.', say('Trạng thái trình bày (GSPS)', 'Presentation state (GSPS)')],
    ['88.59', say('Ảnh được đánh dấu (KOS)', 'Key object selection (KOS)')],
    ['481.5', say('Kế hoạch xạ trị (RT Plan)', 'RT plan')],
    ['481.8', say('Kế hoạch xạ trị ion', 'RT ion plan')],
    ['481.4', say('Lượt xạ trị', 'RT treatment record')],
    ['67', say('Bảng quy đổi giá trị (RWV)', 'Real world value mapping')],
    ['104.2', say('Tài liệu CDA', 'CDA document')],
    ['104', say('Mô hình 3D (STL, OBJ)', '3D model (STL, OBJ)')],
    ['91', say('Chú thích kính hiển vi', 'Microscopy annotations')],
    ['66.', say('Đăng ký không gian', 'Spatial registration')],
    ['9.7.4', say('Điện não (EEG)', 'EEG')],
    ['9.', say('Dạng sóng', 'Waveform')],
    ['30', say('Bản đồ tham số', 'Parametric map')],
  ];
  const FAILED = say('Không đọc được dữ liệu ảnh', 'The image data cannot be read');
  const found = new Map();
  let box;
  let extensions;

  function classOf(uid) {
    const end = uid && uid.startsWith(STORAGE) ? uid.slice(STORAGE.length) : '';
    const named = NOT_DRAWN.find(([part]) => end === part || end.startsWith(part.endsWith('.') ? part : part + '.'));
    return named ? named[1] : say('Loại đối tượng không hỗ trợ', 'Kind of object that is not supported');
  }

  /** Pixels that the viewer's decoder is known to show wrongly or not at all. */
  function beyondDecoder(image) {
    const bits = Number(image.BitsAllocated);
    if (Number(image.SamplesPerPixel) === 3 && bits > 8) return say(`Ảnh màu ${bits} bit`, `Colour image of ${bits} bits`);
    if (image.PhotometricInterpretation === 'PALETTE COLOR' && bits > 8) return say(`Ảnh bảng màu ${bits} bit`, `Palette colour image of ${bits} bits`);
    if (image.SOPClassUID === STORAGE + '481.2') return say('Liều xạ trị (RT Dose): chỉ vẽ như ảnh xám, không dùng để đo liều', 'RT dose: drawn as a grey image only, not for dosimetry');
    return '';
  }

  function rendered(place) {
    return place && `/dicom-web/studies/${place.study}/series/${place.series}/instances/${place.instance}/rendered`;
  }

  function placeOf(imageId) {
    const match = /\/studies\/([0-9.]+)\/series\/([0-9.]+)\/instances\/([0-9.]+)/.exec(imageId || '');
    return match && { study: match[1], series: match[2], instance: match[3] };
  }

  function tell(key, text, picture) {
    if (found.has(key)) return;
    found.set(key, { text, picture });
    draw();
  }

  function draw() {
    if (!box) {
      box = document.createElement('div');
      box.id = 'quang-told';
      box.setAttribute('role', 'status');
      box.style.cssText = 'position:fixed;left:50%;bottom:12px;transform:translateX(-50%);z-index:50;max-width:min(640px,92vw);max-height:40vh;overflow:auto;background:#2b2410;color:#ffe7b0;border:1px solid #b98a1e;border-radius:6px;padding:8px 12px;font:13px/1.45 Inter,sans-serif;';
      document.body.append(box);
    }
    const head = document.createElement('strong');
    head.textContent = say('Trình xem này không hiển thị đúng:', 'This viewer does not show properly:');
    const close = document.createElement('button');
    close.textContent = '×';
    close.setAttribute('aria-label', say('Đóng', 'Close'));
    close.style.cssText = 'float:right;margin-left:12px;font-size:18px;line-height:1;color:inherit;background:none;border:0;cursor:pointer;';
    close.addEventListener('click', () => box.remove());
    const list = document.createElement('ul');
    list.style.cssText = 'margin:4px 0 0;padding-left:18px;list-style:disc;';
    for (const { text, picture } of found.values()) {
      const line = document.createElement('li');
      line.textContent = text;
      if (picture) {
        const link = document.createElement('a');
        link.href = picture;
        link.target = '_blank';
        link.rel = 'noopener';
        link.style.cssText = 'margin-left:8px;text-decoration:underline;color:#8fd8ff;';
        link.textContent = say('ảnh do máy chủ dựng (JPEG, không để đo)', 'picture made by the server (JPEG, not to measure on)');
        line.append(link);
      }
      list.append(line);
    }
    box.replaceChildren(close, head, list);
  }

  function look(sets) {
    for (const set of sets) {
      const image = set.instance || (set.instances && set.instances[0]) || (set.images && set.images[0]) || {};
      const name = [set.SeriesDescription || image.SeriesDescription, set.SeriesNumber && `#${set.SeriesNumber}`].filter(Boolean).join(' ');
      const named = text => [text, name].filter(Boolean).join(' – ');
      const uid = set.SOPClassUID || image.SOPClassUID;
      if (set.unsupported) tell(`${set.SeriesInstanceUID} ${uid}`, named(classOf(uid)));
      const why = beyondDecoder(image);
      if (why) {
        const place = { study: image.StudyInstanceUID, series: image.SeriesInstanceUID, instance: image.SOPInstanceUID };
        tell(`${set.SeriesInstanceUID} pixels`, named(why), rendered(place));
      }
      const needs = set.isDerivedDisplaySet || set.isOverlayDisplaySet;
      if (needs && set.referencedSeriesInstanceUID && !sets.some(other => other.SeriesInstanceUID === set.referencedSeriesInstanceUID)) {
        tell(`${set.SeriesInstanceUID} alone`, named(say(`${set.Modality}: ảnh gốc không có trong ca này`, `${set.Modality}: its images are not in this study`)));
      }
    }
  }

  window.quangViewer.extensions.push({
    id: 'quang.told',
    preRegistration({ servicesManager, extensionManager }) {
      const { displaySetService } = servicesManager.services;
      displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, () => setTimeout(() => look(displaySetService.getActiveDisplaySets()), 500));
      extensions = extensionManager;
    },
    onModeEnter() {
      const images = extensions.getModuleEntry('@ohif/extension-default.sopClassHandlerModule.stack');
      if (images && !images.sopClassUids.includes(ALSO_IMAGES[0])) images.sopClassUids.push(...ALSO_IMAGES);
      // OHIF's page goes blank on a parametric map without the images that it belongs to
      const maps = extensions.getModuleEntry('@ohif/extension-cornerstone-dicom-pmap.sopClassHandlerModule.dicom-pmap');
      if (maps) maps.sopClassUids.length = 0;
      found.clear();
      if (box) box.remove();
      box = undefined;
      const { eventTarget, Enums } = window.cornerstone;
      for (const event of [Enums.Events.IMAGE_LOAD_FAILED, Enums.Events.IMAGE_LOAD_ERROR]) {
        eventTarget.addEventListener(event, ({ detail }) => {
          const place = placeOf(detail.imageId);
          if (place) tell(`${place.series} failed`, FAILED, rendered(place));
        });
      }
    },
  });
})();
