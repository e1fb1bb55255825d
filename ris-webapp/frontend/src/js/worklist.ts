// The worklist of exams: one row is the present one; j/k move, Space previews, Enter opens. Rows change in place as
// exams change, new exams are announced in a bar, and nothing moves under the pointer.

import htmx from "htmx.org";
import { tellOfKeptWords } from "./kept-notice";
import { registerKeys } from "./keys";
import { wireColumns } from "./list-columns";
import { clearSelection, compareSelected, keepShown, openBulk, showSelection, toggle, toggleAll, undoLast, wireSelection } from "./list-selection";
import { countSoon, refreshSide, toggleSide, wireSide } from "./list-side";
import type { Change } from "./live";
import { closeMenus } from "./menus";
import { say } from "./words";

const QUIET_MS = 120;
const BUSY_MS = 2000;
const TYPING_MS = 300;
const FINISHED = 9; // the urgency of exams that nobody waits for
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
  if (row && !target.closest("a, input")) {
    choose(row);
    void preview();
  }
});
document.addEventListener("dblclick", (event) => {
  if ((event.target as Element).closest("#exam-rows > tr[data-exam]")) open();
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
  await htmx.ajax("get", address, { source: ".worklist-main", target: "#exams", select: "#exams", swap: "outerHTML" });
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
  const [urgency = 0, due = 0, scheduled = 0] = last.split(".").map(Number);
  const its = change.urgency ?? 0;
  if (list().dataset.newest === "true" || (its === FINISHED && urgency === FINISHED)) return (change.scheduled_at ?? 0) >= scheduled / 1e6;
  return its < urgency || (its === urgency && (change.due_at ?? 0) <= due / 1e6);
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
  showSelection();
  if (focused) fresh.focus();
  if (!drawer.hidden && shown === fresh.dataset.exam) {
    shown = undefined;
    void preview();
  }
}

document.addEventListener("quang:change", (event) => {
  const change = (event as CustomEvent<Change>).detail;
  if (change.topic !== "exam") return;
  countSoon();
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

/** After something was done to exams here: their rows come with the change itself, but not those that leave the list. */
function refreshMarks(): void {
  const parameters = new URLSearchParams(list().dataset.address);
  if (parameters.has("tag") || parameters.has("folder")) refresh();
  else void refreshSide();
  countSoon(); // what several share may have been counted a moment ago by another process
}

function refresh(): void {
  void load(`/${list().dataset.address}`);
}

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("#news")) refresh();
});

// --- after every exchange of the list ----------------------------------------------------------------------------

document.addEventListener("htmx:afterSwap", (event) => {
  if ((event.target as Element).id !== "exams" && !(event.target as Element).closest("#exam-rows")) return;
  if ((event.target as Element).id === "exams") keepShown();
  else showSelection();
  chosen()?.setAttribute("aria-selected", "true");
});
document.addEventListener("htmx:afterSettle", (event) => {
  if ((event as CustomEvent<{ elt: Element }>).detail.elt.id !== "exams") return;
  news.clear();
  showNews();
  void refreshSide();
  if (document.activeElement !== search) search.value = new URLSearchParams(list().dataset.address).get("q") ?? "";
});

document.addEventListener("htmx:configRequest", (event) => {
  // a form of filters sends what is chosen, not what is empty
  const { parameters, verb } = (event as CustomEvent<{ parameters: Record<string, unknown>; verb: string }>).detail;
  if (verb === "get") for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
});

function openFilters(): void {
  const menu = document.getElementById("refine") as HTMLDetailsElement;
  menu.open = true;
  menu.querySelector<HTMLElement>("input[type=text]")?.focus();
}

registerKeys(
  { keys: ["j", "ArrowDown"], label: say("next"), run: () => move(1) },
  { keys: ["k", "ArrowUp"], label: say("previous"), run: () => move(-1) },
  { keys: [" "], label: say("preview"), run: () => (shown && shown === present ? closePreview() : void preview()) },
  { keys: ["Enter"], label: say("openExam"), run: open },
  { keys: ["x"], label: say("select"), run: () => toggle(chosen()) },
  { keys: ["X"], label: say("selectAll"), run: toggleAll },
  { keys: ["t"], label: say("tag"), run: () => openBulk("tag") },
  { keys: ["f"], label: say("folder"), run: () => openBulk("folder") },
  { keys: ["g"], label: say("assign"), run: () => openBulk("assign") },
  { keys: ["c"], label: say("compare"), run: compareSelected },
  { keys: ["u"], label: say("undoLast"), run: () => void undoLast() },
  { keys: ["b"], label: say("refine"), run: openFilters },
  { keys: ["l"], label: say("lists"), run: () => toggleSide() },
  { keys: ["r"], label: say("refresh"), run: refresh },
  { keys: ["p"], label: say("printSlip"), run: () => present && window.open(`/exams/${present}/slip/`, "_blank", "noopener") },
  { keys: ["Escape"], label: say("closePreview"), run: () => void (closeMenus() || (drawer.hidden ? clearSelection() : closePreview())) },
);
wireSelection(chosen, refreshMarks);
wireColumns(refresh);
wireSide();

void tellOfKeptWords();
