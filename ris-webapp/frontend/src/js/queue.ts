// A queue of things that wait for a person, live: states and counts follow by themselves, rows never move under one's hand.
import htmx from "htmx.org";
import { registerKeys } from "./keys";
import { Looks } from "./looks";
import { say } from "./words";

const topic = document.querySelector<HTMLElement>(".queue")?.dataset.topic;
const form = document.getElementById("queue-form");

function wireForms(root: ParentNode): void {
  for (const owner of root.querySelectorAll<HTMLFormElement>("form")) {
    if (owner.dataset.wired) continue;
    owner.dataset.wired = "yes";
    const update = () => {
      const checked = owner.querySelectorAll("input[data-choice]:is(:checked, [type=hidden])").length > 0;
      const reason = owner.querySelector<HTMLInputElement>("[data-reason]")?.value.trim() !== "";
      for (const button of owner.querySelectorAll<HTMLButtonElement>("[data-needs-checked], [data-needs-reason]")) {
        button.disabled = ("needsChecked" in button.dataset && !checked) || ("needsReason" in button.dataset && !reason);
      }
    };
    owner.addEventListener("input", update);
    owner.addEventListener("change", update);
    // Enter in the reason's field dismisses; it must never replay by being the form's first button
    owner.querySelector<HTMLInputElement>("[data-reason]")?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      owner.querySelector<HTMLButtonElement>("[data-needs-reason]:not(:disabled)")?.click();
    });
    update();
  }
}

document.getElementById("check-all")?.addEventListener("change", (event) => {
  const on = event.target instanceof HTMLInputElement && event.target.checked;
  for (const box of form?.querySelectorAll<HTMLInputElement>("input[data-choice]") ?? []) box.checked = on;
});

/** Puts what has changed on the server into the page: counts, rows that are still there, the open delivery. */
function take(fresh: Document): void {
  const swap = (id: string) => {
    const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !next || old.outerHTML === next.outerHTML || old.contains(document.activeElement)) return;
    old.replaceWith(document.adoptNode(next));
    htmx.process(next);
  };
  swap("boxes");
  const rows = document.getElementById("queue-rows");
  const newRows = fresh.getElementById("queue-rows");
  if (rows && newRows) {
    const busy = rows.contains(document.activeElement) || rows.querySelector("input:checked") !== null || rows.matches(":hover");
    if (busy) {
      for (const row of rows.children) {
        const next = fresh.getElementById(row.id);
        if (next) for (const part of [".queue-reason", ".queue-facts"]) row.querySelector(part)?.replaceWith(next.querySelector(part) ?? "");
        row.classList.toggle("is-gone", !next);
      }
    } else if (rows.innerHTML !== newRows.innerHTML) {
      rows.replaceChildren(...newRows.children);
    }
  }
  const detail = document.getElementById("queue-detail");
  if (detail && !detail.contains(document.activeElement)) {
    const open = new Set([...detail.querySelectorAll("details")].flatMap((each, index) => (each.open ? [index] : [])));
    const before = detail.querySelectorAll("details").length;
    swap("queue-detail");
    const renewed = document.querySelectorAll<HTMLDetailsElement>("#queue-detail details");
    if (renewed.length === before) renewed.forEach((each, index) => (each.open = open.has(index)));
  }
  wireForms(document);
}

async function refresh(): Promise<void> {
  try {
    const answer = await fetch(location.href, { headers: { "X-Quang-Background": "1" }, redirect: "manual" });
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // the dot in the top bar tells that the server is away; the next change asks again
  }
}

/** While much happens, the page is asked for once a moment: neither for each change, nor never because the next comes. */
const looks = new Looks(refresh, 600);
document.addEventListener("quang:change", (event) => {
  if ((event as CustomEvent<{ topic: string }>).detail.topic === topic) looks.soon();
});
document.addEventListener("quang:resync", () => looks.soon());

function step(by: number): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>(".queue-row > a")];
  const now = links.findIndex((link) => link.closest(".queue-row")?.getAttribute("aria-current") === "true");
  links[Math.max(0, Math.min(links.length - 1, now + by))]?.click();
}
registerKeys(
  { keys: ["j", "ArrowDown"], label: say("key_down"), run: () => step(1) },
  { keys: ["k", "ArrowUp"], label: say("key_up"), run: () => step(-1) },
);
if (topic !== "study" && topic !== "signing_batch") {
  registerKeys({
    keys: ["r"],
    label: say("key_replay"),
    run: () => document.querySelector<HTMLButtonElement>(".detail-actions button[formaction$=replay]")?.click(),
  });
}
wireForms(document);
