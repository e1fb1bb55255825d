// When words are saved without being asked for: leaving a field, another tab, the page; the network is back.
import type { DraftKeeper } from "./draft";

/** @param mayLeave whether the page is left on purpose, and nothing is asked */
export function saveWhenLeaving(page: HTMLElement, keeper: DraftKeeper, mayLeave: () => boolean, ending: () => void): void {
  // one last save that the browser finishes after the page is gone; it asks only when that cannot work
  addEventListener("pagehide", () => {
    ending();
    void keeper.flush(true);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") void keeper.flush();
  });
  page.addEventListener("focusout", (event) => {
    if (event.target instanceof HTMLTextAreaElement) void keeper.flush();
  });
  addEventListener("beforeunload", (event) => {
    if (keeper.unsaved && (keeper.blocked || !navigator.onLine) && !mayLeave()) event.preventDefault();
  });
  addEventListener("online", () => void keeper.flush());
}
