// Exams that are chosen in the list, and what is done to all of them at once, with a way back.

import { closeMenus } from "./menus";
import { post } from "./post";
import { toast } from "./toast";
import { say } from "./words";

const MOST_COMPARED = 4;
const selected = new Set<string>();
const bar = document.getElementById("bulk") as HTMLElement;
const boxOf = (row: Element) => row.querySelector<HTMLInputElement>("[data-select]");
let last: HTMLTableRowElement | undefined;
let afterwards: () => void = () => {};
let present: () => HTMLTableRowElement | undefined = () => undefined;

function shownRows(): HTMLTableRowElement[] {
  return [...document.querySelectorAll<HTMLTableRowElement>("#exam-rows > tr[data-exam]")];
}

/** Boxes, marks and the bar say what is chosen; also after rows have been exchanged. */
export function showSelection(): void {
  for (const row of shownRows()) {
    const chosen = selected.has(row.dataset.exam ?? "");
    row.toggleAttribute("data-chosen", chosen);
    const box = boxOf(row);
    if (box) box.checked = chosen;
  }
  const all = document.querySelector<HTMLInputElement>("[data-select-all]");
  if (all) {
    all.checked = selected.size > 0 && shownRows().every((row) => selected.has(row.dataset.exam ?? ""));
    all.indeterminate = selected.size > 0 && !all.checked;
  }
  bar.hidden = selected.size === 0;
  bar.querySelector("[data-bulk-compare]")?.toggleAttribute("disabled", selected.size < 2 || selected.size > MOST_COMPARED);
  bar.querySelector("#bulk-count")?.replaceChildren(say("chosenMany").replace("{count}", String(selected.size)));
  const parameters = new URLSearchParams(document.getElementById("exams")?.dataset.address);
  bar.querySelector('[data-bulk-remove="untag"]')?.toggleAttribute("hidden", !parameters.has("tag"));
  bar.querySelector('[data-bulk-remove="unfolder"]')?.toggleAttribute("hidden", !parameters.has("folder"));
}

function put(row: HTMLTableRowElement, chosen: boolean): void {
  const exam = row.dataset.exam ?? "";
  if (chosen) selected.add(exam);
  else selected.delete(exam);
}

export function toggle(row: HTMLTableRowElement | undefined, chosen?: boolean): void {
  if (!row) return;
  put(row, chosen ?? !selected.has(row.dataset.exam ?? ""));
  last = row;
  showSelection();
}

export function toggleAll(): void {
  const rows = shownRows();
  const all = rows.every((row) => selected.has(row.dataset.exam ?? ""));
  rows.forEach((row) => put(row, !all));
  showSelection();
}

/** Another list is shown: what one does not see is not chosen. */
export function keepShown(): void {
  const shown = new Set(shownRows().map((row) => row.dataset.exam ?? ""));
  for (const exam of selected) if (!shown.has(exam)) selected.delete(exam);
  showSelection();
}

/** Choose nothing. Returns whether anything was chosen. */
export function clearSelection(): boolean {
  const any = selected.size > 0;
  selected.clear();
  showSelection();
  return any;
}

/** Open the menu of an action; the present row is meant when none is chosen. */
export function openBulk(action: string): void {
  if (!selected.size) toggle(present(), true);
  const menu = bar.querySelector<HTMLDetailsElement>(`[data-bulk="${action}"]`);
  if (!menu || !selected.size) return;
  closeMenus();
  menu.open = true;
  menu.querySelector<HTMLElement>("input, select")?.focus();
}

/** Two to four chosen exams side by side. */
export function compareSelected(): void {
  const button = bar.querySelector<HTMLButtonElement>("[data-bulk-compare]");
  if (button && !button.disabled) window.location.assign(`/compare/?exams=${[...selected].join(",")}`);
}

let undoing: (() => Promise<void>) | undefined;

async function act(action: string, target: string, exams: string[]): Promise<void> {
  const done = await post("/worklist/bulk/", { action, target, exams: exams.join(",") });
  if (!done) return;
  closeMenus();
  const undo = done.undo as { action: string; target: string } | null;
  const changed = (done.exams as number[]).map(String);
  undoing = undo ? () => act(undo.action, undo.target, changed) : undefined;
  toast(String(done.text), "info", undoing && { label: say("undo"), run: () => void undoLast() });
  afterwards();
}

export async function undoLast(): Promise<void> {
  const run = undoing;
  undoing = undefined;
  await run?.();
}

export function wireSelection(presentRow: () => HTMLTableRowElement | undefined, after: () => void): void {
  present = presentRow;
  afterwards = after;
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.matches("[data-select-all]")) toggleAll();
    if (target.closest("[data-bulk-none]")) clearSelection();
    if (target.closest("[data-bulk-compare]")) compareSelected();
    if (target.closest("[data-bulk-export]")) window.location.assign(`/exports/new/?exams=${[...selected].join(",")}`);
    if (target.closest("[data-bulk-print]")) window.open(`/slips/?exams=${[...selected].join(",")}`, "_blank", "noopener");
    if (target.closest("[data-bulk-labels]")) window.open(`/labels/?exams=${[...selected].join(",")}`, "_blank", "noopener");
    const removing = target.closest<HTMLElement>("[data-bulk-remove]")?.dataset.bulkRemove;
    if (removing) {
      const parameters = new URLSearchParams(document.getElementById("exams")?.dataset.address);
      void act(removing, parameters.get(removing === "untag" ? "tag" : "folder") ?? "", [...selected]);
    }
    if (!(target instanceof HTMLInputElement) || !target.matches("[data-select]")) return;
    const row = target.closest<HTMLTableRowElement>("tr");
    if (!row) return;
    const rows = shownRows();
    if (event.shiftKey && last && rows.includes(last)) {
      const [from, to] = [rows.indexOf(last), rows.indexOf(row)].sort((one, other) => one - other) as [number, number];
      rows.slice(from, to + 1).forEach((each) => put(each, target.checked));
    }
    toggle(row, target.checked);
  });
  bar.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const action = form.closest<HTMLElement>("[data-bulk]")?.dataset.bulk ?? "";
    const field = form.elements.namedItem("target") as HTMLInputElement | HTMLSelectElement;
    void act(action, field.value, [...selected]).then(() => field instanceof HTMLInputElement && (field.value = ""));
  });
}
