// Buttons that copy what a field holds: <button data-copy="id of the field">.

import { toast } from "./toast";
import { say } from "./words";

/** Copy the field; where the browser has no clipboard for pages without TLS, by selection. */
async function copy(field: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}

export function wireCopying(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy ?? "");
    if (!(field instanceof HTMLInputElement)) continue;
    button.addEventListener("click", async () => {
      const done = await copy(field);
      toast(say(done ? "copied" : "not_copied"), done ? "info" : "error");
    });
  }
}
