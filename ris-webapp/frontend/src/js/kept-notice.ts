// On the worklist: tells a reader of words that a closed window left on this computer and the server has not got.
import { isThere, LocalKeep } from "../reading/local-keep";
import { ask } from "../reading/server";
import type { Standing } from "../reading/draft";

const MOST_LOOKED_AT = 10;

export async function tellOfKeptWords(): Promise<void> {
  const notice = document.getElementById("kept-words");
  const place = notice?.querySelector("span");
  if (!notice?.dataset.keep || !place || !(await LocalKeep.any())) return;
  const local = await LocalKeep.open(notice.dataset.keep, crypto.randomUUID());
  if (!local) return;
  for (const kept of (await local.left()).slice(0, MOST_LOOKED_AT)) {
    const exam = `/exams/${kept.exam}/`;
    const answer = await ask<Standing>(`${exam}differences`, { content: kept.content });
    if (answer.kind !== "ok") continue;
    if (isThere(kept, answer.value)) {
      await local.forget(kept.window); // the last save of that window arrived
      continue;
    }
    const link = document.createElement("a");
    link.href = exam;
    link.textContent = kept.at.toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
    place.append(" ", link);
    notice.hidden = false;
  }
}
