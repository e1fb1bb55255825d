/**
 * Whoever works in the viewer works in the session: the web app, which ends idle ones, is told so, seldom.
 */
(function () {
  const EVERY_MS = 120_000;
  let toldAt = Date.now();

  function used() {
    if (Date.now() - toldAt < EVERY_MS) return;
    toldAt = Date.now();
    fetch('/in-use/').catch(() => undefined);
  }

  for (const kind of ['pointerdown', 'keydown', 'wheel']) {
    window.addEventListener(kind, used, { capture: true, passive: true });
  }
})();
