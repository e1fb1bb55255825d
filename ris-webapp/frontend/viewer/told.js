/**
 * An extension of OHIF: what it cannot draw, or draws wrongly, is told by name instead of leaving a black field; where
 * the server can make a picture of it, that picture is one press away.
 */
(function () {
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const say = (vi, en) => (vietnamese ? vi : en);
  const STORAGE = '1.2.840.10008.5.1.4.1.1.';
  /** Dermoscopy, wide field ophthalmology, OCT en face, confocal microscopy: plain images that OHIF does not know. */
  const NEWER = ['77.1.7', '77.1.5.5', '77.1.5.6', '77.1.5.7', '77.1.8', '77.1.9'];
  /** Those, and retired ultrasound and nuclear medicine classes, which old devices still send. */
  const ALSO_IMAGES = ['3', '5', '6', ...NEWER].map(end => STORAGE + end);
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
    ['9.7.1', say('Điện não (EEG)', 'EEG')],
    ['9.7.2', say('Điện cơ (EMG)', 'EMG')],
    ['9.7.3', say('Điện nhãn đồ (EOG)', 'EOG')],
    ['9.7.4', say('Điện não khi ngủ (EEG)', 'Sleep EEG')],
    ['9.', say('Dạng sóng', 'Waveform')],
    ['30', say('Bản đồ tham số', 'Parametric map')],
    ['4.2', say('Phổ cộng hưởng từ', 'MR spectroscopy')],
    ['66', say('Dữ liệu thô', 'Raw data')],
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

  /** Images that a measurement report (TID 1500) is about, when none of them is open. */
  function measuresElsewhere(image, sets) {
    const concept = [].concat(image.ConceptNameCodeSequence || [])[0];
    if (!concept || concept.CodeValue !== '126000') return false;
    const evidence = [image.CurrentRequestedProcedureEvidenceSequence, image.PertinentOtherEvidenceSequence];
    const series = evidence.flatMap(studies => [].concat(studies || [])).flatMap(study => [].concat(study.ReferencedSeriesSequence || []));
    const named = series.flatMap(each => [].concat(each.ReferencedSOPSequence || [])).map(each => each.ReferencedSOPInstanceUID);
    return named.length > 0 && !sets.some(set => (set.images || []).some(each => named.includes(each.SOPInstanceUID)));
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
    for (const [key, { text, picture }] of found) {
      const line = document.createElement('li');
      [line.dataset.series] = key.split(' ');
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
      if (set.unsupported && !window.quangViewer.presentationStates.includes(uid)) tell(`${set.SeriesInstanceUID} ${uid}`, named(classOf(uid)));
      const why = beyondDecoder(image);
      if (why) {
        const place = { study: image.StudyInstanceUID, series: image.SeriesInstanceUID, instance: image.SOPInstanceUID };
        tell(`${set.SeriesInstanceUID} pixels`, named(why), rendered(place));
      }
      if (/sopClassHandlerModule\.stack$/.test(set.SOPClassHandlerId) && !image.Rows) tell(`${set.SeriesInstanceUID} empty`, named(say('Đối tượng không có dữ liệu ảnh', 'An object without pixels')));
      if (measuresElsewhere(image, sets)) tell(`${set.SeriesInstanceUID} alone`, named(say('SR: ảnh gốc không có trong ca này', 'SR: its images are not in this study')));
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
