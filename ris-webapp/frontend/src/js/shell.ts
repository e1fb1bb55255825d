// What every page does: htmx without eval and without a history cache (it would keep patient data in the browser),
// keys, palette, menus, live connection, errors of requests as notices.

import htmx from "htmx.org";
import { wireCopying } from "./copy";
import { tellDates } from "./dates";
import { followChanges } from "./following";
import { tellOfUse } from "./in-use";
import { listenForKeys, registerKeys, showKeys } from "./keys";
import { connectLive } from "./live";
import { closeMenus, wireMenus } from "./menus";
import { openPalette } from "./palette";
import { attendScrollers } from "./scrollers";
import { toast } from "./toast";
import { say } from "./words";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyCacheSize = 0;
htmx.config.refreshOnHistoryMiss = true;
htmx.config.scrollIntoViewOnBoost = false;

document.addEventListener("htmx:responseError", (event) => {
  const xhr = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail.xhr;
  let text = say("failed");
  if (xhr.getResponseHeader("Content-Type")?.includes("problem+json")) {
    const problem = JSON.parse(xhr.responseText) as { title: string; detail: string; code: string };
    text = `${problem.title}. ${problem.detail} (${problem.code})`;
  }
  toast(text, "error");
});
document.addEventListener("htmx:sendError", () => toast(say("failed"), "error"));
document.addEventListener("quang:toast", (event) => {
  toast((event as CustomEvent<{ text: string }>).detail.text);
});

// error events do not bubble: caught on the way down
document.addEventListener(
  "error",
  (event) => {
    if (event.target instanceof HTMLImageElement) event.target.classList.add("missing");
  },
  true,
);

wireMenus();
attendScrollers();
wireCopying();
tellDates();
connectLive();
tellOfUse();
followChanges();
listenForKeys();

const search = document.getElementById("search");
registerKeys(
  { keys: ["/"], label: say("search"), run: () => search instanceof HTMLInputElement && (search.focus(), search.select()) },
  { keys: ["Ctrl+K"], label: say("palette"), run: openPalette, whileTyping: true },
  { keys: ["?"], label: say("keys"), run: showKeys },
);
document.querySelector('[data-open="keys-dialog"]')?.addEventListener("click", showKeys);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && closeMenus()) event.stopPropagation();
});
for (const notice of document.querySelectorAll("#toasts .toast")) setTimeout(() => notice.remove(), 8000);
