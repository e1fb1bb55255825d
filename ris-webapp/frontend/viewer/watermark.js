/**
 * An extension of OHIF: the words of a share's watermark over every pane, whatever draws in it (images, videos, slides),
 * as the server says them from the grant in the cookie. Pictures that the server makes bear them in their pixels; the
 * stored pixels that are drawn here do not, so the viewer's own way to save a picture is closed as long as there is a
 * mark. As long as the server does not answer, it is asked again: images do not wait for it.
 */
(function () {
  const SVG = 'http://www.w3.org/2000/svg';
  const LINE_PX = 18;
  const LETTER_PX = 11; // of a line in capitals
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const MOST_STUDIES = 16;
  const FIRST_WAIT_MS = 2000;
  const LONGEST_WAIT_MS = 60_000;
  // in capitals or not, in one parameter or several: as OHIF reads its address
  const named = [...new URLSearchParams(window.location.search)].filter(([key]) => key.toLowerCase() === 'studyinstanceuids');
  const studies = [...new Set(named.flatMap(([, uids]) => uids.split(',')))].filter(uid => /^[0-9.]{1,64}$/.test(uid));
  const lines = new Map();
  let numbered = 0;
  let isWatching = false;
  let isDue = false;

  function node(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  /** Faint white words with a faint dark edge: on black one is seen, on white the other. */
  function drawn(words) {
    const height = LINE_PX * words.length + 70;
    const width = Math.max(360, LETTER_PX * Math.max(...words.map(line => line.length)));
    const texts = words.map((line, at) => node('text', { x: width / 2, y: 40 + LINE_PX * at, 'text-anchor': 'middle' }, line));
    const id = `quang-mark-${(numbered += 1)}`;
    const pattern = node('pattern', { id, width, height, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(-30)' }, ...texts);
    const svg = node('svg', { class: 'quang-mark', 'aria-hidden': 'true' }, node('defs', {}, pattern), node('rect', { width: '100%', height: '100%', fill: `url(#${id})` }));
    svg.style.cssText = 'position:absolute;inset:0;width:100%;height:100%;z-index:3;pointer-events:none;overflow:hidden;font:600 14px Inter,sans-serif;fill:rgba(255,255,255,0.26);stroke:rgba(0,0,0,0.24);stroke-width:2px;paint-order:stroke;';
    return svg;
  }

  function words() {
    const [first] = [...lines.values()].filter(each => each.length);
    return first || [];
  }

  function layOverAll() {
    isDue = false;
    for (const pane of document.querySelectorAll('[data-cy="viewport-pane"]')) {
      if (!pane.querySelector(':scope > svg.quang-mark')) pane.append(drawn(words()));
    }
  }

  /** Panes come and go with the layout. Where there is no mark nothing is watched. */
  function watch() {
    if (isWatching || !words().length) return;
    isWatching = true;
    document.documentElement.classList.add('quang-marked');
    new MutationObserver(() => {
      if (!isDue) requestAnimationFrame(layOverAll);
      isDue = true;
    }).observe(document.documentElement, { childList: true, subtree: true });
    layOverAll();
  }

  async function ask(uid, wait) {
    try {
      const answer = await fetch(`/dicom-web/studies/${uid}/mark`, { cache: 'no-store' });
      if (answer.ok) lines.set(uid, (await answer.json()).lines);
      else if (answer.status >= 500) throw new Error(String(answer.status));
      watch();
    } catch {
      setTimeout(() => ask(uid, Math.min(LONGEST_WAIT_MS, wait * 2)), wait);
    }
  }
  for (const uid of studies.slice(0, MOST_STUDIES)) ask(uid, FIRST_WAIT_MS);

  const style = document.createElement('style');
  style.textContent = '.quang-marked [data-cy="Capture"], .quang-marked [data-cy="Capture-split-button-primary"] { display: none !important; }';
  document.head.append(style);

  window.quangViewer.extensions.push({
    id: 'quang.watermark',
    preRegistration({ servicesManager, commandsManager }) {
      const run = commandsManager.runCommand.bind(commandsManager);
      commandsManager.runCommand = (name, ...rest) => {
        if (name !== 'showDownloadViewportModal' || !words().length) return run(name, ...rest);
        servicesManager.services.uiNotificationService.show({
          title: vietnamese ? 'Ảnh có dấu chìm' : 'Images with a watermark',
          message: vietnamese ? 'Không lưu được ảnh từ trình xem này.' : 'Pictures are not saved from this viewer.',
          type: 'info',
        });
        return undefined;
      };
    },
  });
})();
