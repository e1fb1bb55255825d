// The form of a print layout: its pages live beside it, errors beside their fields, undo, the letterhead's picture.
import { say } from "./words";

const PREVIEW_MS = 700;
const MOST_STEPS = 100;

interface Pages {
  pages: string[];
  count: number;
  notes: string[];
}

const form = document.querySelector<HTMLFormElement>("#print-layout");
const desk = document.querySelector<HTMLElement>("#preview-pages");
const count = document.querySelector<HTMLElement>("#preview-count");
const notes = document.querySelector<HTMLElement>("#preview-notes");
const rules = document.querySelector<HTMLElement>("#layout-rules");
const undo = document.querySelector<HTMLButtonElement>("[data-undo]");
if (!form || !desk || !count || !notes || !rules || !undo) throw new Error("the layout's form lacks its parts");

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
const controls = (): Control[] =>
  [...form.elements].filter((each): each is Control => /^(input|select|textarea)$/i.test(each.tagName) && (each as Control).name !== "" && (each as Control).type !== "file");
const named = (name: string): Control | undefined => controls().find((each) => each.name === name);

// What is shown depends on other fields.
function showWhatApplies(): void {
  for (const each of form?.querySelectorAll<HTMLElement>("[data-only-when]") ?? []) {
    const [name = "", value] = (each.dataset.onlyWhen ?? "").split("=");
    each.hidden = named(name)?.value !== value;
  }
}

// Preview: the newest answer wins.
let timer: ReturnType<typeof setTimeout> | undefined;
let asked = 0;

function soon(wait = PREVIEW_MS): void {
  clearTimeout(timer);
  timer = setTimeout(() => void preview(), wait);
}

async function preview(): Promise<void> {
  if (!form || !desk || !count) return;
  const number = (asked += 1);
  desk.setAttribute("aria-busy", "true");
  count.textContent = say("printing");
  try {
    const answer = await fetch(form.dataset.preview ?? "", { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const told = (await answer.json()) as Partial<Pages> & { errors?: Record<string, string>; title?: string };
    if (number !== asked) return;
    showErrors(told.errors ?? (answer.ok ? {} : { "": told.title ?? say("failed") }));
    if (answer.ok) show(told as Pages);
    else count.textContent = say("not_shown");
  } catch {
    if (number === asked) count.textContent = say("failed");
  }
  desk.removeAttribute("aria-busy");
}

function show(told: Pages): void {
  if (!desk || !count || !notes) return;
  const top = desk.scrollTop;
  desk.replaceChildren(
    ...told.pages.map((source, at) => {
      const page = new Image();
      page.src = source;
      page.className = "paper";
      page.alt = `${say("page")} ${at + 1}`;
      return page;
    }),
  );
  desk.scrollTop = top;
  count.textContent = `${told.count} ${say("pages_of")}${told.count > told.pages.length ? ` · ${say("shown_first")}` : ""}`;
  notes.replaceChildren(...told.notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })));
}

function showErrors(errors: Record<string, string>): void {
  for (const place of document.querySelectorAll<HTMLElement>("[data-error]")) {
    const path = place.dataset.error ?? "";
    place.textContent = errors[path] ?? "";
    place.hidden = !(path in errors);
    const control = path ? named(path === "exam" ? "preview_exam" : path) : undefined;
    if (path in errors) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
    if (path in errors) place.closest("details")?.setAttribute("open", "");
  }
  markLine(Number(errors.line ?? 0));
}

/** Select the line of the template in which a fault lies, unless somebody is typing there. */
function markLine(line: number): void {
  const source = named("template");
  if (!line || !(source instanceof HTMLTextAreaElement) || document.activeElement === source) return;
  const lines = source.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
  source.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  source.scrollTop = (source.scrollHeight / Math.max(1, lines.length)) * Math.max(0, line - 3);
}

// Undo: states of the form, one for each change of a field.
type State = { values: [string, string | boolean][]; rules: string[][] };
const steps: State[] = [];
let present = taken();

function taken(): State {
  const values = controls().filter((each) => !each.name.startsWith("rule_") && !each.name.startsWith("preview_"));
  const shown = [...(rules?.children ?? [])].map((row) => [...row.querySelectorAll("input")].map((each) => each.value));
  return {
    values: values.map((each) => [each.name, each instanceof HTMLInputElement && each.type === "checkbox" ? each.checked : each.value]),
    rules: shown,
  };
}

function put(state: State): void {
  const values = controls().filter((each) => !each.name.startsWith("rule_") && !each.name.startsWith("preview_"));
  values.forEach((each, at) => {
    const value = state.values[at]?.[1];
    if (each instanceof HTMLInputElement && typeof value === "boolean") each.checked = value;
    else if (typeof value === "string") each.value = value;
  });
  rules?.replaceChildren();
  for (const row of state.rules) addRule(row);
  showLogo();
  showWhatApplies();
}

function changed(wait?: number): void {
  const now = taken();
  if (JSON.stringify(now) !== JSON.stringify(present)) {
    steps.push(present);
    if (steps.length > MOST_STEPS) steps.shift();
    present = now;
    if (undo) undo.disabled = false;
  }
  showWhatApplies();
  soon(wait);
}

function back(): void {
  const state = steps.pop();
  if (!state) return;
  put(state);
  present = state;
  if (undo) undo.disabled = steps.length === 0;
  soon(0);
}

// Rules
function addRule(values: string[] = []): void {
  const made = document.querySelector<HTMLTemplateElement>("#new-rule")?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
  if (!made) return;
  made.querySelectorAll("input").forEach((each, at) => (each.value = values[at] ?? ""));
  rules?.append(made);
}

// The picture of the letterhead
function showLogo(): void {
  const value = named("letterhead.logo")?.value ?? "";
  const shown = document.querySelector<HTMLImageElement>(".logo-shown");
  const none = document.querySelector<HTMLElement>("[data-no-logo]");
  if (!shown || !none) return;
  shown.hidden = none.hidden = value === "";
  if (value) shown.src = `/print-layouts/pictures/${value}`;
}

async function upload(chosen: HTMLInputElement): Promise<void> {
  const file = chosen.files?.[0];
  const logo = named("letterhead.logo");
  if (!file || !form || !logo) return;
  const body = new FormData();
  body.set("csrfmiddlewaretoken", named("csrfmiddlewaretoken")?.value ?? "");
  body.set("picture", file);
  const answer = await fetch(chosen.dataset.upload ?? "", { method: "POST", body, headers: { Accept: "application/json" } });
  const told = (await answer.json()) as { sha256?: string; error?: string };
  chosen.value = "";
  const place = document.querySelector<HTMLElement>('[data-error="letterhead.logo"]');
  if (place) {
    place.textContent = told.error ?? "";
    place.hidden = told.error === undefined;
  }
  if (!told.sha256) return;
  logo.value = told.sha256;
  showLogo();
  changed(0);
}

let saving = false;
form.addEventListener("submit", () => (saving = true));
addEventListener("beforeunload", (event) => {
  if (!saving && steps.length > 0) event.preventDefault();
});
document.addEventListener("input", (event) => {
  const control = event.target as Control;
  if (control.form !== form) return;
  if (control.name.startsWith("preview_")) soon();
  else if (control.type !== "file") soon();
});
document.addEventListener("change", (event) => {
  const control = event.target as Control;
  if (control instanceof HTMLInputElement && control.dataset.upload) void upload(control);
  else if (control.form === form) changed(control.name.startsWith("preview_") ? 0 : 100);
});
document.addEventListener("click", (event) => {
  const target = event.target as Element;
  if (target.closest("[data-undo]")) back();
  if (target.closest("[data-add-rule]")) {
    addRule();
    rules.lastElementChild?.querySelector("input")?.focus();
  }
  const dropped = target.closest("[data-drop-rule]");
  if (dropped) {
    dropped.closest(".layout-rule")?.remove();
    changed();
  }
  const logo = named("letterhead.logo");
  if (target.closest("[data-no-logo]") && logo) {
    logo.value = "";
    showLogo();
    changed(0);
  }
  const source = named("template");
  if (target.closest("[data-begin-with-shipped]") && source && (source.value.trim() === "" || confirm(say("replace_template")))) {
    source.value = JSON.parse(document.querySelector("#shipped-template")?.textContent ?? '""') as string;
    changed(0);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.altKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    back();
  }
});
showWhatApplies();
soon(0);
