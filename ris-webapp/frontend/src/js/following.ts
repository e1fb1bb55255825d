// Parts of a page that follow what changes: <div id="x" data-follows="exam:5 delivery:12">. When one of these changes
// the page is fetched again and its parts of the same id are taken over; nothing else moves, nothing typed is lost.

import type { Change } from "./live";
import { Looks } from "./looks";

const PAUSE_MS = 400;

function parts(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[id][data-follows]")];
}

async function refresh(): Promise<void> {
  try {
    const answer = await fetch(location.href, { headers: { "X-Quang-Background": "1" }, redirect: "manual" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const now = fresh.getElementById(part.id);
      if (!now || now.isEqualNode(part)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const index = focused ? [...part.querySelectorAll("a, button, [tabindex]")].indexOf(focused) : -1;
      part.replaceWith(now);
      const next = now.querySelectorAll<HTMLElement>("a, button, [tabindex]")[index];
      if (focused) (next ?? now).focus();
    }
  } catch {
    // the dot in the top bar tells that the server is away; the next change asks again
  }
}

const looks = new Looks(refresh, PAUSE_MS);

/** Begin to follow; a page without such parts does nothing. */
export function followChanges(): void {
  document.addEventListener("quang:change", (event) => {
    const { topic, id } = (event as CustomEvent<Change>).detail;
    if (parts().some((part) => part.dataset.follows?.split(" ").includes(`${topic}:${id}`))) looks.soon();
  });
  document.addEventListener("quang:resync", () => {
    if (parts().length) looks.soon();
  });
}
