// What scrolls is scrolled by keyboard too (WCAG 2.1.1): where nothing in it can be reached by Tab, as in a list that one
// may only look at, it is reached itself.

const SCROLLERS =
  "main, .table-card, .grid-scroll, .queue-list, .queue-detail, .queue-panes, .drawer, .drawer-body, .lists, .menu-panel, " +
  ".report-body, .report-table, .indication p, .picker ul, .compared-reports, .print-side, .paper-desk, .picks, " +
  ".designer-preview, .bench, pre";
const REACHED =
  'a[href], button:enabled, input:enabled:not([type="hidden"]), select:enabled, textarea:enabled, summary, iframe, ' +
  'audio[controls], video[controls], [contenteditable="true"], [tabindex="0"]';
let asked = 0;

function overflows(scroller: HTMLElement): boolean {
  return scroller.scrollHeight > scroller.clientHeight || scroller.scrollWidth > scroller.clientWidth;
}

function holdsWhatIsReached(scroller: HTMLElement): boolean {
  return [...scroller.querySelectorAll(REACHED)].some((each) => each.getClientRects().length > 0);
}

function attend(): void {
  asked = 0;
  const inmostFirst = [...document.querySelectorAll<HTMLElement>(SCROLLERS)].reverse();
  for (const scroller of inmostFirst) {
    const needed = overflows(scroller) && !holdsWhatIsReached(scroller);
    if (needed && scroller.tabIndex !== 0) {
      scroller.dataset.tabindex = scroller.getAttribute("tabindex") ?? "";
      scroller.tabIndex = 0;
    } else if (!needed && scroller.dataset.tabindex !== undefined) {
      if (scroller.dataset.tabindex) scroller.setAttribute("tabindex", scroller.dataset.tabindex);
      else scroller.removeAttribute("tabindex");
      delete scroller.dataset.tabindex;
    }
  }
}

function soon(): void {
  asked ||= requestAnimationFrame(attend);
}

/** From now on, whatever the page becomes. */
export function attendScrollers(): void {
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, attributeFilter: ["hidden", "open"] });
  addEventListener("resize", soon);
  addEventListener("load", soon);
  soon();
}
