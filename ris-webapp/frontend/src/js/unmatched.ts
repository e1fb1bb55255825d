// The queue of unmatched studies: one key for each decision. What a key does is the button that carries it.
import "./queue";
import { registerKeys } from "./keys";
import { say } from "./words";

const carrier = (key: string) => document.querySelector<HTMLElement>(`[data-key="${key}"]`);

/** The reason that a button's order needs, if it needs one and none is written yet. */
function missingReason(button: HTMLElement): HTMLInputElement | undefined {
  const input = button.closest(".possibility")?.querySelector<HTMLInputElement>("input[name=reason]");
  return input && !input.value.trim() ? input : undefined;
}

// several orders have a field for the reason: only that of the order being linked is sent
document.addEventListener("focusin", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.name === "reason") enableOnly(event.target);
});
function enableOnly(chosen: HTMLInputElement | null | undefined): void {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[name=reason]")) input.toggleAttribute("form", false);
  chosen?.setAttribute("form", "link-form");
}
document.addEventListener(
  "click",
  (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>('button[formaction$="/link/"]');
    if (!button) return;
    const input = button.closest(".possibility")?.querySelector<HTMLInputElement>("input[name=reason]");
    enableOnly(input);
    if (missingReason(button)) {
      event.preventDefault();
      input?.focus();
      input?.reportValidity();
    }
  },
  true,
);
document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (event.key !== "Enter" || !(input instanceof HTMLInputElement) || input.name !== "reason") return;
  event.preventDefault();
  input.closest(".possibility")?.querySelector<HTMLButtonElement>('button[formaction$="/link/"]')?.click();
});

for (const select of document.querySelectorAll<HTMLSelectElement>("select[data-submits]")) {
  select.addEventListener("change", () => select.form?.submit());
}

for (const key of ["a", "x", "n", "u"]) {
  registerKeys({ keys: [key], label: say(`key_${key}`), run: () => carrier(key)?.click() });
}
registerKeys({ keys: ["f"], label: say("key_f"), run: () => document.getElementById("order-search")?.focus() });
