// The worklist of exams: one row is the present one; j/k move, Space previews, Enter opens. Rows change in place as
// exams change, new exams are announced in a bar, and nothing moves under the pointer.

import htmx from "htmx.org";
import { registerKeys } from "./keys";
import type { Change } from "./live";
import { say } from "./words";

const COLUMNS_KEY = "quang.worklist.hidden-columns";
const QUIET_MS = 120;
const BUSY_MS = 2000;
const TYPING_MS = 300;
const FINISHED = ["FINAL", "RETURNED", "CANCELLED"];
const FINISHED_GROUP = 9;
const RANKS: Record<string, string> = { STAT: "0", HIGH: "1", ROUTINE: "2", MEDIUM: "2", LOW: "3" };

const list = () => document.getElementById("exams") as HTMLElement;
const rows = () => [...document.querySelectorAll<HTMLTableRowElement>("#exam-rows > tr[data-exam]")];
const drawer = document.getElementById("preview") as HTMLElement;

// --- the present row -------------------------------------------------------------------------------------------

let present: string | undefined;

function choose(row: HTMLTableRowElement | undefined): void {
  if (!row) return;
  document.querySelector('#exam-rows > [aria-selected="true"]')?.removeAttribute("aria-selected");
  row.setAttribute("aria-selected", "true");
  present = row.dataset.exam;
  row.scrollIntoView({ block: "nearest" });
  if (!drawer.hidden) void preview();
}

function chosen(): HTMLTableRowElement | undefined {
  return rows().find((row) => row.dataset.exam === present);
}

function move(by: number): void {
  const all = rows();
  const now = all.findIndex((row) => row.dataset.exam === present);
  choose(all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1)]);
}

function open(): void {
  const link = chosen()?.querySelector<HTMLAnchorElement>(".c-patient a");
  if (link) link.click();
  else void preview(); // a role that may not open exams sees what the list may show
}

let shown: string | undefined;

async function preview(): Promise<void> {
  const exam = present;
  if (!exam || exam === shown) return;
  shown = exam;
  drawer.hidden = false;
  await htmx.ajax("get", `/worklist/${exam}/`, { target: drawer, swap: "innerHTML" });
}

function closePreview(): void {
  drawer.hidden = true;
  drawer.replaceChildren();
  shown = undefined;
}

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  if (target.closest("[data-close-preview]")) closePreview();
  const row = target.closest<HTMLTableRowElement>("#exam-rows > tr[data-exam]");
  if (row && !target.closest("a")) {
    choose(row);
    void preview();
  }
});
document.addEventListener("dblclick", (event) => {
  if ((event.target as Element).closest("#exam-rows > tr[data-exam]")) open();
});

// --- columns ---------------------------------------------------------------------------------------------------

function hiddenColumns(): string[] | undefined {
  const kept = localStorage.getItem(COLUMNS_KEY);
  return kept === null ? undefined : kept.split(" ").filter(Boolean);
}

function applyColumns(): void {
  const hidden = hiddenColumns();
  const table = document.getElementById("exam-table");
  for (const box of document.querySelectorAll<HTMLInputElement>("[data-column]")) {
    const name = box.dataset.column ?? "";
    if (hidden) box.checked = !hidden.includes(name);
    else box.checked = getComputedStyle(document.querySelector(`th.c-${name}`) as Element).display !== "none";
    table?.classList.toggle(`hide-${name}`, !box.checked);
  }
  table?.classList.toggle("chosen", hidden !== undefined);
}

document.addEventListener("change", (event) => {
  if (!(event.target instanceof HTMLInputElement) || !event.target.dataset.column) return;
  const boxes = [...document.querySelectorAll<HTMLInputElement>("[data-column]")];
  const hidden = boxes.filter((box) => !box.checked).map((box) => box.dataset.column);
  localStorage.setItem(COLUMNS_KEY, hidden.join(" "));
  applyColumns();
});

// --- search as one types ---------------------------------------------------------------------------------------

const search = document.getElementById("search") as HTMLInputElement;
let typing: number | undefined;

function find(): void {
  const query = search.value.trim();
  const parameters = new URLSearchParams(list().dataset.address);
  if (query) {
    if (!parameters.has("q")) parameters.delete("when"); // a new search looks through all days
    parameters.set("q", query);
  } else {
    parameters.delete("q");
    parameters.delete("when");
  }
  void load(`/?${parameters}`);
}

async function load(address: string): Promise<void> {
  await htmx.ajax("get", address, { source: ".worklist", target: "#exams", select: "#exams", swap: "outerHTML" });
  history.replaceState(history.state, "", address);
}

search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(find, TYPING_MS);
});
search.form?.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  find();
  search.blur();
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") search.blur();
});

// --- live ------------------------------------------------------------------------------------------------------

const changedOnPage = new Set<string>();
const news = new Set<number>();
let refreshing = false;

/** Whether the list's filter shows the exam (searches and "mine" are not decided here). */
function fits(change: Change): boolean {
  const { states = "", modality = "", ranks = "", period = "", narrowed } = list().dataset;
  const [from = -Infinity, until = Infinity] = period ? period.split(" ").map(Number) : [];
  const at = change.scheduled_at ?? 0;
  return (
    narrowed !== "true" &&
    (!states || states.split(" ").includes(change.exam_state ?? "")) &&
    (!modality || modality === change.modality) &&
    (!ranks || ranks.split(" ").includes(RANKS[change.priority ?? ""] ?? "2")) &&
    at >= from &&
    at < until
  );
}

/** Whether the exam belongs above the last row shown; below it nobody misses it. */
function above(change: Change): boolean {
  const last = rows().at(-1)?.dataset.cursor;
  if (!last || !document.querySelector("#exam-rows > .more")) return true;
  const [group = 0, microseconds = 0] = last.split(".").map(Number);
  const at = change.scheduled_at ?? 0;
  const finished = FINISHED.includes(change.exam_state ?? "");
  const its = finished ? FINISHED_GROUP : Number(RANKS[change.priority ?? ""] ?? 2);
  if (list().dataset.newest === "true" || (its === group && finished)) return at >= microseconds / 1e6;
  return its < group || (its === group && at <= microseconds / 1e6);
}

function showNews(): void {
  const bar = document.getElementById("news");
  if (!bar) return;
  bar.hidden = news.size === 0;
  const text = news.size === 1 ? say("newsOne") : say("newsMany").replace("{count}", String(news.size));
  bar.querySelector("span")?.replaceChildren(text);
}

async function replaceChanged(): Promise<void> {
  if (refreshing || !changedOnPage.size) return;
  refreshing = true;
  const ids = [...changedOnPage].slice(0, 200);
  ids.forEach((id) => changedOnPage.delete(id));
  try {
    const answer = await fetch(`/worklist/rows/?ids=${ids.join(",")}`, {
      headers: { "HX-Request": "true", "X-Quang-Background": "1" },
    });
    if (answer.ok) {
      const table = document.createElement("table");
      table.innerHTML = await answer.text();
      for (const fresh of table.querySelectorAll<HTMLTableRowElement>("tr[data-exam]")) replaceRow(fresh);
    }
  } finally {
    // The first change shows at once; a busy archive does not make a busy browser.
    setTimeout(() => {
      refreshing = false;
      void replaceChanged();
    }, BUSY_MS);
  }
}

function replaceRow(fresh: HTMLTableRowElement): void {
  const old = document.getElementById(fresh.id);
  if (!old || old.innerHTML === fresh.innerHTML) return;
  if (old.getAttribute("aria-selected")) fresh.setAttribute("aria-selected", "true");
  const focused = old === document.activeElement;
  fresh.classList.add("changed");
  old.replaceWith(fresh);
  if (focused) fresh.focus();
  if (!drawer.hidden && shown === fresh.dataset.exam) {
    shown = undefined;
    void preview();
  }
}

document.addEventListener("quang:change", (event) => {
  const change = (event as CustomEvent<Change>).detail;
  if (change.topic !== "exam") return;
  if (document.getElementById(`exam-${change.id}`)) changedOnPage.add(String(change.id));
  else if (fits(change) && above(change)) news.add(change.id);
});
document.addEventListener("quang:changes-end", () => {
  showNews();
  setTimeout(() => void replaceChanged(), QUIET_MS);
});
document.addEventListener("quang:resync", () => {
  rows().forEach((row) => changedOnPage.add(row.dataset.exam ?? ""));
  void replaceChanged();
});

function refresh(): void {
  void load(`/${list().dataset.address}`);
}

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("#news")) refresh();
});

// --- after every exchange of the list ----------------------------------------------------------------------------

document.addEventListener("htmx:afterSwap", (event) => {
  if ((event.target as Element).id !== "exams" && !(event.target as Element).closest("#exam-rows")) return;
  applyColumns();
  chosen()?.setAttribute("aria-selected", "true");
});
document.addEventListener("htmx:afterSettle", (event) => {
  if ((event as CustomEvent<{ elt: Element }>).detail.elt.id !== "exams") return;
  news.clear();
  showNews();
  if (document.activeElement !== search) search.value = new URLSearchParams(list().dataset.address).get("q") ?? "";
});

registerKeys(
  { keys: ["j", "ArrowDown"], label: say("next"), run: () => move(1) },
  { keys: ["k", "ArrowUp"], label: say("previous"), run: () => move(-1) },
  { keys: [" "], label: say("preview"), run: () => (shown && shown === present ? closePreview() : void preview()) },
  { keys: ["Enter"], label: say("openExam"), run: open },
  { keys: ["r"], label: say("refresh"), run: refresh },
  { keys: ["p"], label: say("printSlip"), run: () => present && window.open(`/exams/${present}/slip/`, "_blank", "noopener") },
  { keys: ["Escape"], label: say("closePreview"), run: closePreview },
);
applyColumns();
