// The lists beside the worklist: shown or hidden, fetched after the page, counted anew when exams change.

import htmx from "htmx.org";
import { Looks } from "./looks";
import { post } from "./post";
import { toast } from "./toast";
import { say } from "./words";

const KEPT_AS = "quang.worklist.side";
const QUIET_MS = 4000;

const holder = document.getElementById("lists") as HTMLElement;
const isOpen = () => holder.parentElement?.dataset.side === "open";
let shown: string | undefined;

/** Whether somebody is at a form there, or has just opened one. */
const inUse = () => holder.contains(document.activeElement?.closest("form, details") ?? null);

const looks = new Looks(fetchSide, QUIET_MS);

/** Fetch the lists for the address that is shown; not while one of its forms is in use. */
export function refreshSide(): Promise<void> {
  return looks.now();
}

async function fetchSide(): Promise<void> {
  if (!isOpen() || inUse()) return;
  const address = document.getElementById("exams")?.dataset.address ?? "?";
  const answer = await fetch(`/worklist/side/${address}`, { headers: { "HX-Request": "true", "X-Quang-Background": "1" } });
  if (!answer.ok) return;
  const text = await answer.text();
  if (text === shown || inUse()) return;
  shown = text;
  const top = holder.scrollTop;
  holder.innerHTML = text;
  holder.scrollTop = top;
  htmx.process(holder);
}

/** Count anew soon: many changes are one count. */
export function countSoon(): void {
  looks.soon();
}

export function toggleSide(open = !isOpen()): void {
  if (holder.parentElement) holder.parentElement.dataset.side = open ? "open" : "closed";
  for (const button of document.querySelectorAll("[data-toggle-side]")) button.setAttribute("aria-expanded", String(open));
  localStorage.setItem(KEPT_AS, open ? "open" : "closed");
  if (open) void refreshSide();
}

export function wireSide(): void {
  toggleSide((localStorage.getItem(KEPT_AS) ?? (innerWidth >= 1440 ? "open" : "closed")) === "open");
  document.addEventListener("click", async (event) => {
    const target = event.target as Element;
    if (target.closest("[data-toggle-side]")) toggleSide();
    const address = target.closest<HTMLElement>("[data-delete]")?.dataset.delete;
    if (!address) return;
    const gone = await post(address, {});
    if (!gone) return;
    await refreshSide();
    toast(String(gone.text), "info", { label: say("undo"), run: () => void restore(gone) });
  });
  document.addEventListener("submit", async (event) => {
    if (!(event.target instanceof HTMLFormElement) || !("sideForm" in event.target.dataset)) return;
    event.preventDefault();
    const form = event.target;
    const values = new FormData(form, event.submitter);
    for (const [name, value] of new URLSearchParams(document.getElementById("exams")?.dataset.address)) values.set(name, value);
    if (!(await post(form.action, values))) return;
    (document.activeElement as HTMLElement | null)?.blur();
    await refreshSide();
  });
}

/** A deleted list is saved again, a deleted folder filled again. */
async function restore(gone: Record<string, unknown>): Promise<void> {
  if (gone.again) await post("/worklist/lists/", gone.again as Record<string, string>);
  else await post("/worklist/bulk/", { action: "folder", exams: (gone.exams as number[]).join(","), target: String(gone.name) });
  await refreshSide();
}
