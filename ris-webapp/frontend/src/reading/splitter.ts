// The line between images and report: dragged, or moved by arrow keys; its place is kept on this computer.
const KEPT = "quang-reading-report-width";
const [LEAST, MOST, STEP] = [380, 900, 24];

export function wireSplitter(page: HTMLElement, splitter: HTMLElement): void {
  const widest = () => Math.min(MOST, innerWidth - 480);
  const set = (width: number) => {
    const bounded = Math.round(Math.max(LEAST, Math.min(width, widest())));
    page.style.setProperty("--report-width", `${bounded}px`);
    splitter.setAttribute("aria-valuenow", String(bounded));
    splitter.setAttribute("aria-valuemin", String(LEAST));
    splitter.setAttribute("aria-valuemax", String(widest()));
    return bounded;
  };
  const kept = Number(localStorage.getItem(KEPT));
  let width = set(kept || (innerWidth >= 1700 ? 560 : 470));

  splitter.addEventListener("pointerdown", (event) => {
    splitter.setPointerCapture(event.pointerId);
    page.classList.add("is-resizing"); // the frame must not swallow the pointer
    const right = page.getBoundingClientRect().right;
    const move = (moving: PointerEvent) => (width = set(right - moving.clientX));
    splitter.addEventListener("pointermove", move);
    splitter.addEventListener(
      "lostpointercapture",
      () => {
        splitter.removeEventListener("pointermove", move);
        page.classList.remove("is-resizing");
        localStorage.setItem(KEPT, String(width));
      },
      { once: true },
    );
  });
  splitter.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (!step) return;
    event.preventDefault();
    width = set(width + step);
    localStorage.setItem(KEPT, String(width));
  });
}
