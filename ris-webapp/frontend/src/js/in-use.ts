// Whoever works in a page works in the session: the web app, which ends idle ones, is told so, seldom. The viewer has
// the same (viewer/in-use.js).

const EVERY_MS = 120_000;
let toldAt = Date.now();

function used(): void {
  if (Date.now() - toldAt < EVERY_MS) return;
  toldAt = Date.now();
  fetch("/in-use/").catch(() => undefined);
}

/** Tell of pointer, keys and wheel from now on. */
export function tellOfUse(): void {
  for (const kind of ["pointerdown", "keydown", "wheel"]) window.addEventListener(kind, used, { capture: true, passive: true });
}
