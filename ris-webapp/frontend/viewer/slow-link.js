/**
 * An extension of OHIF: says how images come, lets the user choose, and marks every image that is not yet complete.
 * On a slow link a frame is shown from its first part, coarse, until the rest has come: what is seen then is lossy, and
 * a badge on the image says so for as long as it is.
 */
(function () {
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const say = (vi, en) => (vietnamese ? vi : en);
  const FULL_RESOLUTION = 8; // Cornerstone's ImageQualityStatus
  const words = {
    preview: say('Xem trước – có mất mát', 'Preview – lossy'),
    title: say('Đường truyền', 'Link'),
    auto: say('Tự động theo đường truyền', 'Automatic, by the link'),
    stored: say('Luôn như đã lưu', 'Always as stored'),
    small: say('Đường truyền chậm', 'Slow link'),
    compressed: say('Ảnh nén không mất mát', 'Images compressed without loss'),
    asStored: say('Ảnh như đã lưu', 'Images as stored'),
  };
  const choices = [
    { id: 'QuangLinkAuto', wanted: 'auto' },
    { id: 'QuangLinkStored', wanted: 'stored' },
    { id: 'QuangLinkSmall', wanted: 'small' },
  ];
  const link = window.quangLink;
  let services;

  // ---- the badge ----

  function isPreview(viewport) {
    const image = viewport.type === 'stack' && viewport.csImage;
    const quality = image && image.imageQualityStatus;
    return typeof quality === 'number' && quality < FULL_RESOLUTION;
  }

  function mark(element) {
    const enabled = window.cornerstone.getEnabledElement(element);
    if (!enabled) return;
    const preview = isPreview(enabled.viewport);
    let badge = element.querySelector(':scope > .quang-preview');
    if (!badge && preview) {
      badge = document.createElement('div');
      badge.className = 'quang-preview';
      badge.setAttribute('role', 'status');
      badge.textContent = words.preview;
      element.append(badge);
    }
    if (badge) badge.hidden = !preview;
  }

  function watch({ detail }) {
    const { element } = detail;
    const { Events } = window.cornerstone.Enums;
    for (const event of [Events.IMAGE_RENDERED, Events.STACK_NEW_IMAGE]) element.addEventListener(event, () => mark(element));
  }

  // ---- frames of a stack are shown coarse on a slow link, and only when complete on a fast one ----

  function setStacks() {
    const { imageRetrieveMetadataProvider } = window.cornerstone.utilities;
    // coarse-first.js gives two pieces, each worth decoding at once and at full size
    const single = { streaming: link.compressing(), decodeLevel: 0, minChunkSize: 1 };
    imageRetrieveMetadataProvider.add('stack', { retrieveOptions: { single, default: {} } });
  }

  // ---- what is said and chosen ----

  const chip = document.createElement('div');
  chip.className = 'quang-link';
  chip.setAttribute('role', 'status');
  chip.hidden = true;

  function show() {
    const { choice, rate, compressing } = link.state();
    chip.hidden = choice === 'auto' && !compressing;
    const measured = rate === null ? '' : ` · ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} Mbit/s`;
    chip.textContent = (compressing ? words.compressed : words.asStored) + measured;
    chip.title = words[choice];
  }

  function choose(wanted) {
    link.choose(wanted);
    services.uiNotificationService.show({ title: words.title, message: words[wanted], type: 'info', duration: 3000 });
  }

  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = `${window.PUBLIC_URL}quang.css`;
  document.head.append(style);

  window.quangViewer.extensions.push({
    id: 'quang.slow-link',
    preRegistration({ servicesManager }) {
      services = servicesManager.services;
      window.cornerstone.eventTarget.addEventListener(window.cornerstone.Enums.Events.ELEMENT_ENABLED, watch);
      link.onChange(() => {
        setStacks();
        show();
      });
    },
    onModeEnter() {
      document.body.append(chip);
      setTimeout(setStacks); // after OHIF's own settings, which come with the same event
      show();
    },
    onModeExit: () => chip.remove(),
    getCommandsModule: () => ({
      definitions: Object.fromEntries(choices.map(({ id, wanted }) => [id, { commandFn: () => choose(wanted) }])),
      defaultContext: 'DEFAULT',
    }),
  });

  window.quangViewer.buttons.push(
    { id: 'Link', uiType: 'ohif.toolButtonList', props: { buttonSection: true } },
    ...choices.map(({ id, wanted }) => ({
      id,
      uiType: 'ohif.toolButton',
      props: { icon: 'icon-transferring', label: words[wanted], tooltip: `${words.title}: ${words[wanted]}`, commands: id, evaluate: 'evaluate.action' },
    }))
  );
  window.quangViewer.primary.push('Link');
  window.quangViewer.sections.Link = choices.map(({ id }) => id);
})();
